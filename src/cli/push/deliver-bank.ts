import type { BankDirective } from "../../bank/offer.ts";
import { ENDED, type DeliveryProgress } from "../../daemon/delivery-state.ts";
import type { BankSender } from "./bank-sender.ts";

/**
 * Offers a bank to one station and waits for the end, or for `until`.
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
): Promise<Pick<DeliveryProgress, "stage" | "reason">> {
  let said = "";
  const seen: DeliveryProgress[] = [];
  await sender.send(directive, ({ delivery }) => {
    if (delivery === null) return false;
    seen.splice(0, 1, delivery);
    const line = progressLine(delivery);
    if (line !== said) say(line);
    said = line;
    return ENDED.has(delivery.stage) || (until === "probation" && delivery.stage === "probation");
  });
  return seen[0] ?? { stage: "failed", reason: null };
}

function progressLine({ bankId, stage, percent, gate }: DeliveryProgress): string {
  if (ENDED.has(stage)) return `${bankId}  ${stage}`;
  const figures =
    gate === null || stage !== "activating"
      ? ""
      : `  drift ${(100 * gate.largestDrift).toFixed(2)} %, ${Math.round(gate.medianMs)} ms, ${Math.round(gate.memoryBytes / 2 ** 20)} MiB`;
  return `${bankId}  ${stage} ${percent} %${figures}`;
}
