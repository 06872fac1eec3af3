import { ConfigError } from "../shared/errors.ts";
import { bankTopics, type BankTopics } from "./bank-topics.ts";
import { TWIN_TOPICS } from "./twin-payloads.ts";

/** Who a station is on the broker. Each part is a topic segment. */
export interface StationIdentity {
  readonly site: string;
  readonly line: string;
  readonly station: string;
}

/** All topics of a station, absolute. */
export interface StationTopics {
  readonly root: string;
  readonly status: string;
  readonly plcState: string;
  readonly plcHeartbeat: string;
  /** In: triggers, and the PLC's word that it has a result. */
  readonly plcTrigger: string;
  readonly plcAck: string;
  readonly plcAccepted: string;
  readonly plcResult: string;
  readonly inspection: string;
  readonly state: string;
  /** In: `<command>/<name>`; the answer leaves on `<command>/<name>/res`. */
  readonly command: string;
  /** In: a signed configuration, and a question what one would do; out: what became of them. */
  readonly twinDesired: string;
  readonly twinReported: string;
  readonly twinTry: string;
  readonly twinTried: string;
  readonly imageMask: string;
  readonly imageOverlay: string;
  readonly bank: BankTopics;
  readonly tag: Readonly<Record<TagName, string>>;
}

type TagName = "verdict" | "score" | "part" | "recipe" | "bank" | "total" | "ng";

/** The contract's version is part of the root: a change of any payload is a new version. */
const ROOT = "nominal/v1";
const SEGMENT = /^[a-z0-9_-]{1,32}$/;

/** @throws ConfigError "topic-segment" when `value` could not be a segment: wildcards, slashes, capitals, length */
export function checkSegment(name: string, value: string): string {
  if (SEGMENT.test(value)) return value;
  throw new ConfigError(
    "topic-segment",
    `Expected 1 to 32 characters of a-z, 0-9, "_" and "-" for ${name} but received ${JSON.stringify(value)}`,
  );
}

/**
 * @returns the topics below `nominal/v1/<site>/<line>/<station>/`
 * @throws ConfigError "topic-segment"
 */
export function stationTopics(identity: StationIdentity): StationTopics {
  const segments = [
    checkSegment("site", identity.site),
    checkSegment("line", identity.line),
    checkSegment("station", identity.station),
  ];
  const root = [ROOT, ...segments].join("/");
  const tag = (name: TagName): string => `${root}/tag/${name}`;
  return {
    root,
    status: `${root}/status`,
    plcState: `${root}/plc/state`,
    plcHeartbeat: `${root}/plc/hb`,
    plcTrigger: `${root}/plc/trigger`,
    plcAck: `${root}/plc/ack`,
    plcAccepted: `${root}/plc/accepted`,
    plcResult: `${root}/plc/result`,
    inspection: `${root}/inspection`,
    state: `${root}/state`,
    command: `${root}/cmd`,
    twinDesired: `${root}/${TWIN_TOPICS.desired}`,
    twinReported: `${root}/${TWIN_TOPICS.reported}`,
    twinTry: `${root}/${TWIN_TOPICS.try}`,
    twinTried: `${root}/${TWIN_TOPICS.tried}`,
    imageMask: `${root}/image/mask`,
    imageOverlay: `${root}/image/overlay`,
    bank: bankTopics(root),
    tag: {
      verdict: tag("verdict"),
      score: tag("score"),
      part: tag("part"),
      recipe: tag("recipe"),
      bank: tag("bank"),
      total: tag("total"),
      ng: tag("ng"),
    },
  };
}

/** @returns `nominal/v1/<site>/_device/<device>`, where what is device-wide lives */
export function deviceRoot(site: string, device: string): string {
  return [ROOT, checkSegment("site", site), "_device", checkSegment("device", device)].join("/");
}
