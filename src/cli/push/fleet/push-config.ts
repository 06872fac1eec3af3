import type { SigningKey } from "../../../bank/signing-key.ts";
import { TWIN_TOPICS, type TwinReport } from "../../../mqtt/twin-payloads.ts";
import { InputError } from "../../../shared/errors.ts";
import type { CommandIo } from "../../io.ts";
import { sendConfig } from "../config-sender.ts";
import type { PushLine } from "../line.ts";
import { parseReport } from "../target.ts";
import type { FleetArguments } from "./arguments.ts";
import { RolloutRun, type StationEnd } from "./rollout.ts";
import { FleetWatch } from "./watch.ts";

export interface FleetConfig {
  readonly line: PushLine;
  readonly fleet: FleetArguments;
  readonly file: string;
  /** null: the one site on the broker that has such stations. */
  readonly site: string | null;
  readonly body: unknown;
  /** null: unsigned. */
  readonly key: SigningKey | null;
  /** Of one station. */
  readonly timeoutMs: number;
  readonly io: CommandIo;
}

/**
 * A configuration for many stations.
 *
 * @returns the exit code
 * @throws the errors of `FleetWatch.open` and `RolloutRun`
 */
export async function pushConfigToFleet(job: FleetConfig): Promise<number> {
  const { line, fleet, file, site, body, timeoutMs, io } = job;
  const watch = await FleetWatch.open(line, fleet.patterns, site, TWIN_TOPICS.reported);
  const run = new RolloutRun({
    ...{ fleet, watch, io, timeoutMs, wallMs: () => Date.now() },
    what: file,
    content: Buffer.from(JSON.stringify(body)),
    path: fleet.state ?? `${file}.rollout.json`,
    push: (target, signal) => pushTo(target, watch, signal, job),
  });
  return run.run();
}

async function pushTo(target: string, watch: FleetWatch, signal: AbortSignal, job: FleetConfig): Promise<StationEnd> {
  const { line, body, key, timeoutMs, io } = job;
  const report = parseReport(watch.said(target) ?? Buffer.alloc(0));
  if (report === null) {
    throw new InputError(
      "twin-reported",
      `Expected a report of ${target} on its ${TWIN_TOPICS.reported} but it is none`,
    );
  }
  const sent = sendConfig({
    ...{ body, key, timeoutMs, lines: [line], say: (text) => io.out(`${target}: ${text}`) },
    target: { target, root: `nominal/v1/${target}`, report },
  });
  return endOf(await orAborted(sent, signal));
}

function endOf(report: TwinReport | null): StationEnd {
  if (report === null || report.status === "ok") return { outcome: "done", detail: "" };
  const detail = report.errors.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  return { outcome: report.status === "rolled_back" ? "rolled_back" : "refused", detail };
}

/** @throws the signal's reason; what is waited for is then nobody's concern any more */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
    // It may end later, when nobody listens.
    promise.catch(() => undefined);
  }
}
