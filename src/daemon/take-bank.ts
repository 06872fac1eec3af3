import type { BankOffer } from "../bank/offer.ts";
import type { BankSummary } from "../inference/protocol.ts";
import { InputError } from "../shared/errors.ts";
import type { BankReceiver } from "./bank-receiver.ts";
import type { DeliveryReport } from "./delivery-report.ts";
import type { StationBanks } from "./station-banks.ts";

export interface TakeBankParts {
  readonly banks: StationBanks;
  readonly report: DeliveryReport;
  readonly receiver: BankReceiver;
  readonly tryBank: (path: string, signal: AbortSignal) => Promise<BankSummary>;
}

/**
 * The way of an offered bank up to the active slot: it is received, unless it lies there whole, tried, and put in the place
 * of the one that is active, which stays as the one before. The station has not loaded it yet.
 *
 * @returns whether the active slot is another now; false: the offered bank was active before
 * @throws what is told as the reason; the slots are then as they were, but for a candidate
 */
export async function takeBank(offer: BankOffer, signal: AbortSignal, parts: TakeBankParts): Promise<boolean> {
  const { banks, report, receiver, tryBank } = parts;
  const sha256 = offer.files.at(-1)?.sha256;
  if (banks.slots.active?.sha256 === sha256) return false;
  const found = banks.slots.candidate?.sha256 === sha256 ? banks.slots.candidate : null;
  const candidate = found ?? (await receiver.receive(offer, signal));
  if (found === null) banks.change({ ...banks.slots, candidate });
  report.step({ stage: "gate", percent: 0 });
  const { gate, bankId } = await tryBank(banks.pathOf(candidate), signal);
  signal.throwIfAborted();
  if (bankId !== offer.bankId) {
    throw new InputError("bank-id", `Expected bank ${offer.bankId} as it was offered but received ${bankId}`);
  }
  report.step({ stage: "activating", percent: 0, gate });
  banks.change({
    ...banks.slots,
    ...{ active: candidate, previous: banks.slots.active, candidate: null, probationStarts: 1 },
  });
  return true;
}
