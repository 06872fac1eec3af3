import { UNSIGNED } from "../../../bank/envelope.ts";
import type { BankDirective } from "../../../bank/offer.ts";
import type { SigningKey } from "../../../bank/signing-key.ts";
import type { DeliveryProgress } from "../../../daemon/delivery-state.ts";
import { stationTopics } from "../../../mqtt/topics.ts";
import { BugError } from "../../../shared/errors.ts";
import type { CommandIo } from "../../io.ts";
import type { PushBankArguments } from "../bank-arguments.ts";
import { BankSender } from "../bank-sender.ts";
import { deliverBank } from "../deliver-bank.ts";
import type { PushLine } from "../line.ts";
import type { Source } from "../offered-files.ts";
import type { FleetArguments } from "./arguments.ts";
import { RolloutRun, type StationEnd } from "./rollout.ts";
import { FleetWatch } from "./watch.ts";

export interface FleetBank {
  readonly line: PushLine;
  readonly parsed: PushBankArguments;
  readonly fleet: FleetArguments;
  readonly directive: BankDirective;
  readonly sources: ReadonlyMap<string, Source>;
  /** null: unsigned. */
  readonly key: SigningKey | null;
  readonly io: CommandIo;
}

/**
 * A bank, a roll back or a withdrawal for many stations.
 *
 * @returns the exit code
 * @throws the errors of `FleetWatch.open` and `RolloutRun`
 */
export async function pushBankToFleet(job: FleetBank): Promise<number> {
  const { line, parsed, fleet, directive, io } = job;
  const watch = await FleetWatch.open(line, fleet.patterns, parsed.site, "bank/state");
  const run = new RolloutRun({
    ...{ fleet, watch, io, wallMs: () => Date.now(), timeoutMs: parsed.timeoutMs },
    what: parsed.what === "bank" ? parsed.bank : `--${parsed.what}`,
    content: Buffer.from(JSON.stringify({ directive, until: parsed.until })),
    path: fleet.state ?? `${parsed.bank}.rollout.json`,
    push: (target, signal) => pushTo(target, signal, job),
  });
  return run.run();
}

async function pushTo(target: string, signal: AbortSignal, job: FleetBank): Promise<StationEnd> {
  const { line, parsed, directive, sources, key, io } = job;
  const [site = "", lineName = "", station = ""] = target.split("/");
  const { bank: topics } = stationTopics({ site, line: lineName, station });
  const keyId = key?.keyId ?? UNSIGNED;
  const sender = new BankSender({ client: line.client, topics, target, key, keyId, sources, signal });
  await sender.start();
  try {
    if (directive.action === "offer") {
      return endOf(await deliverBank(sender, directive, parsed.until, (text) => io.out(`${target}: ${text}`)));
    }
    await sender.send(directive, () => true);
    return { outcome: "done", detail: "" };
  } finally {
    await sender.stop();
  }
}

function endOf({ stage, reason }: Pick<DeliveryProgress, "stage" | "reason">): StationEnd {
  const detail = reason === null ? "" : `${reason.code}: ${reason.message}`;
  switch (stage) {
    case "committed":
      return { outcome: "done", detail };
    case "probation":
      return { outcome: "done", detail: "on probation" };
    case "rolled-back":
      return { outcome: "rolled_back", detail };
    case "refused":
      return { outcome: "refused", detail };
    case "failed":
    case "withdrawn":
      return { outcome: "failed", detail: detail === "" ? stage : detail };
    case "receiving":
    case "gate":
    case "shadow":
    case "activating":
      throw new BugError("delivery-end", `Expected an end of the delivery but it is ${stage}`);
  }
}
