import type { DeviceConfig } from "../config/config.ts";
import { InferenceClient } from "../inference/inference-client.ts";
import type { BankSummary, LoadBank } from "../inference/protocol.ts";
import { InputError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";

/**
 * Tries a candidate in an inference process of its own, with the settings of the real one: a bank that ends a process, or
 * takes minutes to load, does not touch the line.
 *
 * @throws InputError "gate-refused" with figures, "no-golden-frames", the errors of the bank and the backbone; DeviceError
 *   "inference-lost" when the process does not survive it
 */
export async function tryBank(
  settings: DeviceConfig["inference"],
  load: LoadBank,
  logger: Logger,
  signal: AbortSignal,
): Promise<BankSummary> {
  const { threads, spinning, provider, allowCpuFallback, startTimeoutMs, frameTimeoutMs } = settings;
  const client = new InferenceClient({
    settings: { threads, spinning, provider, allowCpuFallback },
    startTimeoutMs,
    frameTimeoutMs,
    logger,
    onLost: () => undefined,
  });
  const abort = (): void => void client.close();
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    await client.start();
    const summary = await client.loadBank(load);
    if (summary.gate === null) {
      const text = `Expected golden frames in a bank that comes over the broker but ${summary.bankId} has none; fit it again`;
      throw new InputError("no-golden-frames", text);
    }
    return summary;
  } finally {
    signal.removeEventListener("abort", abort);
    await client.close();
  }
}
