import type { DeviceConfig } from "../config/config.ts";
import type { BankSummary, LoadBank } from "../inference/protocol.ts";
import { InputError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { openInference } from "./open-inference.ts";

/** Verdicts go first: a candidate is tried with what they leave of the processor. */
const GATE_NICENESS = 10;

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
  const client = await openInference(settings, logger, () => undefined, signal, GATE_NICENESS);
  const abort = (): void => void client.close();
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
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
