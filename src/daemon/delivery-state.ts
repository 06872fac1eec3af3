import type { ShadowTerms } from "../bank/offer.ts";
import type { PushedBank, Slots } from "../bank/slots.ts";
import type { GateReport } from "../inference/protocol.ts";
import type { PartFigures } from "./part-statistics.ts";
import type { ShadowFigures } from "./shadow-statistics.ts";

/** How far an offered bank has come. The last five are ends. */
export type DeliveryStage =
  | "receiving"
  | "gate"
  | "shadow"
  | "activating"
  | "probation"
  | "committed"
  | "rolled-back"
  | "refused"
  | "failed"
  | "withdrawn";

export const ENDED: ReadonlySet<DeliveryStage> = new Set([
  "committed",
  "rolled-back",
  "refused",
  "failed",
  "withdrawn",
]);

export interface Reason {
  readonly code: string;
  readonly message: string;
}

/** Where the last accepted offer stands. */
export interface DeliveryProgress {
  /** `offerName` of its envelope. */
  readonly offer: string;
  readonly bankId: string;
  readonly keyId: string;
  readonly counter: number;
  readonly stage: DeliveryStage;
  /** Of the present stage, 0 to 100. */
  readonly percent: number;
  readonly reason: Reason | null;
  readonly gate: Omit<GateReport, "limits"> | null;
  readonly probation: { readonly before: PartFigures; readonly now: PartFigures } | null;
  /** Of a candidate that scored, or scores, beside the active bank, counted since the daemon's start. */
  readonly shadow: ShadowProgress | null;
}

export interface ShadowProgress extends ShadowTerms {
  /** `decision`: its parts or its time are through, and it goes on until somebody promotes or withdraws it. */
  readonly awaits: "parts" | "decision";
  readonly figures: ShadowFigures;
}

/** The topic `bank/state`. */
export interface BankStateDocument {
  readonly version: 1;
  readonly at: string;
  readonly active: BankSlot;
  /** What a rollback leads to; null: nothing. */
  readonly previous: BankSlot | null;
  readonly delivery: DeliveryProgress | null;
  /** The last envelope that was not accepted. */
  readonly refused: (Reason & { readonly offer: string }) | null;
  /** The last counter of each trusted key, so that who signs next knows where to go on. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface BankSlot {
  /** null: the configuration's, whose id is in `state`. */
  readonly bankId: string | null;
  readonly source: "pushed" | "configuration";
}

export function slotsDocument({ active, previous }: Slots): Pick<BankStateDocument, "active" | "previous"> {
  return { active: slotOf(active), previous: active === null ? null : slotOf(previous) };
}

function slotOf(bank: PushedBank | null): BankSlot {
  return bank === null ? { bankId: null, source: "configuration" } : { bankId: bank.bankId, source: "pushed" };
}
