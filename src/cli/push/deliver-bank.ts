import type { BankDirective } from "../../bank/offer.ts";
import { ENDED, type DeliveryProgress, type ShadowProgress } from "../../daemon/delivery-state.ts";
import type { BankSender } from "./bank-sender.ts";

/**
 * Offers a bank to one station, or promotes the one in shadow, and waits for the end, for `until`, or until one in shadow
 * awaits a decision.
 *
 * @param say each new line about how far it is
 * @returns how the station says that it ended
 * @throws the errors of `BankSender.send`
 */
export async function deliverBank(
  sender: BankSender,
  directive: BankDirective,
  until: "probation" | "committed",
  say: (line: string) => void,
): Promise<Pick<DeliveryProgress, "stage" | "reason" | "shadow">> {
  let said = "";
  const seen: DeliveryProgress[] = [];
  await sender.send(directive, ({ delivery }) => {
    if (delivery === null) return false;
    seen.splice(0, 1, delivery);
    const line = progressLine(delivery);
    if (line !== said) say(line);
    said = line;
    if (delivery.stage === "shadow") return delivery.shadow?.awaits === "decision";
    return ENDED.has(delivery.stage) || (until === "probation" && delivery.stage === "probation");
  });
  return seen[0] ?? { stage: "failed", reason: null, shadow: null };
}

/** What a candidate in shadow came to, in words. */
export function shadowReport({ figures }: ShadowProgress): string {
  const { parts, scored, dropped, failed, passToFail, failToPass, medianRatio, medianMs } = figures;
  const ratios =
    medianRatio === null
      ? ""
      : `\nscore / threshold, median: ${medianRatio.candidate.toFixed(3)}, of the bank at work ${medianRatio.active.toFixed(3)}`;
  const took = medianMs === null ? "" : `; ${medianMs.toFixed(1)} ms a frame`;
  return (
    `${parts} parts: ${scored} scored, ${dropped} dropped, ${failed} failed${took}\n` +
    `${passToFail} from PASS to FAIL, ${failToPass} from FAIL to PASS${ratios}\n` +
    "it stays in shadow until --promote or --withdraw"
  );
}

function progressLine({ bankId, stage, percent, gate }: DeliveryProgress): string {
  if (ENDED.has(stage)) return `${bankId}  ${stage}`;
  const figures =
    gate === null || stage !== "activating"
      ? ""
      : `  drift ${(100 * gate.largestDrift).toFixed(2)} %, ${Math.round(gate.medianMs)} ms, ${Math.round(gate.memoryBytes / 2 ** 20)} MiB`;
  return `${bankId}  ${stage} ${percent} %${figures}`;
}
