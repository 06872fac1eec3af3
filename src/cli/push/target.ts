import { DEVICE_TWIN } from "../../config/twin-document.ts";
import { TWIN_TOPICS, type TwinReport } from "../../mqtt/twin-payloads.ts";
import { InputError } from "../../shared/errors.ts";
import { within, type PushLine } from "./line.ts";

/** Whom a push is for: a station, or the device itself. */
export interface TargetName {
  /** undefined: the one site on the broker that has such a target. */
  readonly site: string | undefined;
  readonly line: string;
  readonly name: string;
}

export interface Target {
  /** `<site>/<line>/<station>`, as a signed document names it. */
  readonly target: string;
  /** Topic root. */
  readonly root: string;
  readonly report: TwinReport;
}

const ANSWER_DEADLINE_MS = 10_000;
/** Further sites with a target of the same name are looked for so long. */
const OTHERS_MS = 300;
const ROOT = "nominal/v1";
const SEGMENT = /^[a-z0-9_-]{1,32}$/;

/** @returns null when the options name no target, or two */
export function targetName(options: { station?: string; device?: string; site?: string }): TargetName | null {
  const { station, device, site } = options;
  if ((station === undefined) === (device === undefined)) return null;
  const [line = "", name = "", ...more] = station === undefined ? [DEVICE_TWIN, device] : station.split("/");
  const segments = [line, name, site ?? "any"];
  return more.length === 0 && segments.every((segment) => SEGMENT.test(segment)) ? { site, line, name } : null;
}

/**
 * Finds the target by what it keeps on the broker.
 *
 * @throws DeviceError "push-timeout" when there is none; InputError "push-ambiguous" when several sites have one
 */
export async function findTarget(line: PushLine, wanted: TargetName): Promise<Target> {
  const { site, line: lineName, name } = wanted;
  const found = new Map<string, Target>();
  const filter = `${ROOT}/${site ?? "+"}/${lineName}/${name}/${TWIN_TOPICS.reported}`;
  await within(
    new Promise<void>((resolve, reject) => {
      line
        .subscribe(filter, (payload, topic) => {
          const target = targetOf(payload, topic, lineName, name);
          if (target === null) return;
          found.set(target.root, target);
          setTimeout(resolve, OTHERS_MS);
        })
        .catch(reject);
    }),
    ANSWER_DEADLINE_MS,
    `${lineName}/${name} to have its ${TWIN_TOPICS.reported} on ${line.url}`,
  );
  const [target, ...others] = [...found.values()];
  if (target !== undefined && others.length === 0) return target;
  const sites = [...found.values()].map((one) => one.target.split("/")[0]).join(", ");
  throw new InputError(
    "push-ambiguous",
    `Expected one site with ${lineName}/${name} but received ${sites}; give --site`,
  );
}

function targetOf(payload: Buffer, topic: string, line: string, name: string): Target | null {
  const [root, version, site = "", ...rest] = topic.split("/");
  const isReport = `${root}/${version}` === ROOT && rest.join("/") === `${line}/${name}/${TWIN_TOPICS.reported}`;
  const report = isReport ? parseReport(payload) : null;
  if (report === null) return null;
  return { target: `${site}/${line}/${name}`, root: `${ROOT}/${site}/${line}/${name}`, report };
}

/** @returns null for what is no report: anybody may publish on a broker without access rules */
export function parseReport(payload: Buffer): TwinReport | null {
  try {
    const json = JSON.parse(payload.toString("utf8")) as Partial<TwinReport> | null;
    const isReport =
      typeof json?.status === "string" &&
      typeof json.appliedVersion === "number" &&
      typeof json.counters === "object" &&
      Array.isArray(json.errors);
    return isReport ? (json as TwinReport) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
