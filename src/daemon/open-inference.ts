import type { DeviceConfig } from "../config/config.ts";
import { InferenceClient } from "../inference/inference-client.ts";
import type { Logger } from "../shared/logger.ts";

/**
 * Starts an inference process with the device's settings.
 *
 * @param lost called once when the process is gone although nobody closed it
 * @param niceness so much nicer than the daemon and the process that scores the parts
 * @param signal ends the start, and the process with it
 * @returns the process, up and without a bank; who asked for it closes it
 * @throws DeviceError when it does not come up in time; the signal's reason when that was given before
 */
export async function openInference(
  settings: DeviceConfig["inference"],
  logger: Logger,
  lost: (error: Error) => void,
  signal: AbortSignal,
  niceness = 0,
): Promise<InferenceClient> {
  signal.throwIfAborted();
  const { threads, spinning, provider, allowCpuFallback, startTimeoutMs, frameTimeoutMs } = settings;
  const client = new InferenceClient({
    settings: { threads, spinning, provider, allowCpuFallback },
    startTimeoutMs,
    frameTimeoutMs,
    niceness,
    logger,
    onLost: lost,
  });
  const abort = (): void => void client.close();
  signal.addEventListener("abort", abort);
  try {
    await client.start();
    return client;
  } catch (error) {
    await client.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
