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

/** `was-active`: the offered bank is the active one; `shadow`: it stays the candidate; `activated`: the active slot has it. */
export type Taken = "was-active" | "shadow" | "activated";

/**
 * The way of an offered bank up to the active slot: it is received, unless it lies there whole, tried, and put in the place
 * of the one that is active, which stays as the one before. The station has not loaded it yet. One that is offered for the
 * shadow stays the candidate.
 *
 * @throws what is told as the reason; the slots are then as they were, but for a candidate
 */
export async function takeBank(offer: BankOffer, signal: AbortSignal, parts: TakeBankParts): Promise<Taken> {
  const { banks, report, receiver, tryBank } = parts;
  const sha256 = offer.files.at(-1)?.sha256;
  if (banks.slots.active?.sha256 === sha256) return "was-active";
  const found = banks.slots.candidate?.sha256 === sha256 ? banks.slots.candidate : null;
  const candidate = found ?? (await receiver.receive(offer, signal));
  if (found === null) banks.change({ ...banks.slots, candidate });
  report.step({ stage: "gate", percent: 0 });
  const { gate, bankId } = await tryBank(banks.pathOf(candidate), signal);
  signal.throwIfAborted();
  if (bankId !== offer.bankId) {
    throw new InputError("bank-id", `Expected bank ${offer.bankId} as it was offered but received ${bankId}`);
  }
  if (offer.shadow !== null) {
    report.step({ stage: "shadow", percent: 0, gate });
    return "shadow";
  }
  report.step({ stage: "activating", percent: 0, gate });
  activateCandidate(banks);
  return "activated";
}

/** The candidate takes the place of the active bank, which stays as the one before. @throws the system's error */
export function activateCandidate(banks: Pick<StationBanks, "slots" | "change">): void {
  const { active, candidate } = banks.slots;
  banks.change({ ...banks.slots, active: candidate, previous: active, candidate: null, probationStarts: 1 });
}
