import type { CommandName } from "./commands.ts";

/** One topic of the contract, as docs/mqtt.md shows it; a test holds the program to it on a broker. */
export interface ContractTopic {
  /** Below the station's root; `<name>` stands for one of several segments. */
  readonly topic: string;
  readonly direction: "out" | "in";
  readonly qos: 0 | 1;
  readonly retained: boolean;
  readonly payload: string;
}

/** Everything that a station says and hears. A change of any row is a new version in the root. */
export const CONTRACT: readonly ContractTopic[] = [
  out("status", 1, true, "`1` or `0`; the will says `0`"),
  out("plc/state", 1, true, "one digit, see below"),
  out("plc/hb", 0, false, "10-digit counter, `;`, state; each second"),
  out("plc/accepted", 1, false, "`session8;seq10;code4`; `0000` accepted, `06xx` refused: no result follows"),
  out("plc/result", 1, false, "96 bytes ASCII in fixed places, see below"),
  out("inspection", 1, false, "JSON, at most 4 KiB: the whole record of a part, with the SHA-256 of its pictures"),
  out("image/mask", 0, false, "PNG, one channel, white where the part is defective"),
  out("image/overlay", 0, false, "JPEG or WebP: the frame with the anomaly map over it"),
  out("state", 1, true, "JSON: versions, bank, camera, counters, faults with code, text, remedy and what was found"),
  out("bank/state", 1, true, "JSON: the active bank, where an offered one stands, in percent, why one was refused"),
  out("bank/flip", 0, false, "JSON: a part of which the active bank and the one in shadow say different things"),
  out("bank/get", 1, false, "JSON `{transfer, offset, count}`: bytes that the station wants next"),
  out("tag/bank", 0, true, "id of the active bank, `-` without one"),
  out("tag/total", 0, true, "outcomes since the start of the daemon"),
  out("tag/ng", 0, true, "FAILs among them"),
  out("tag/verdict", 0, false, "digit of the last verdict"),
  out("tag/score", 0, false, "its score, 1,000 × score / threshold"),
  out("tag/part", 0, false, "its part id"),
  out("tag/recipe", 0, false, "its recipe"),
  out("cmd/<name>/res", 1, false, "JSON: `status` (`ok` or `error`), `data`, `error`, `transaction`"),
  out(
    "twin/reported",
    1,
    true,
    "JSON: what became of the configurations that were pushed, and what holds now, see below",
  ),
  out("twin/try/res", 1, false, "JSON: what a configuration would change"),
  into("plc/trigger", "`session8;seq10;part32;recipe16`; padding may be left out, part and recipe may be empty"),
  into("plc/ack", "`session8;seq10`: the PLC has the result"),
  into(
    "bank/offer",
    "DSSE envelope, signed by a key of role `bank`: an offer, its promotion or withdrawal, or a rollback",
  ),
  into("bank/blk/<transfer>/<offset>", "bytes that `bank/get` asked for, raw"),
  into("cmd/<name>", "JSON with `transaction`, 1 to 64 printable characters, and the command's arguments"),
  into("twin/desired", "signed configuration, a DSSE envelope of at most 12 KiB; may be retained"),
  into("twin/try", "signed question what a configuration would change; the same envelope, of type command"),
];

/** What the device itself says and hears, below its own root: the rows of the same name. */
export const DEVICE_CONTRACT: readonly ContractTopic[] = CONTRACT.filter(
  ({ topic }) => topic === "status" || topic.startsWith("twin/"),
);

/** What each command does, and what its answer's `data` holds. */
export const COMMAND_TEXTS: Readonly<Record<CommandName, string>> = {
  trigger: "as `plc/trigger`, with `session`, `seq`, `part` and `recipe`; the data repeats session, seq and code",
  pause: "parts get NO_VERDICT, 0501, until `resume`",
  resume: "ends a pause, and takes a request for a line stop back",
  snapshot: "scores the next frame for a person: size, score, threshold and the overlay in base64; no part of the line",
  "self-test": "looks at camera, inference, storage, broker and faults: `passed`, `checks`",
  challenge: "the next part is a known bad one and has to FAIL",
  "reboot-camera": "ends the capture process, another one follows",
  "log-level":
    "`level` (`debug`, `info`, `warn`, `error`) for the whole device for `forS` seconds (1 to 3600, else 600); without `level` it only " +
    "tells: `level`, `configured`, `until`",
};

/** A field of `plc/result`; `first` counts bytes from 0. */
export interface ResultField {
  readonly name: string;
  readonly first: number;
  readonly bytes: number;
  readonly meaning: string;
}

/** Between two fields stands a semicolon, after the last one a space. */
export const RESULT_FIELDS: readonly ResultField[] = [
  field("version", 0, 2, "`V1`"),
  field("boot", 3, 8, "hex, drawn at each start of the station"),
  field("session", 12, 8, "the PLC's, padded with spaces; where the station counts by itself, equal to boot"),
  field("seq", 21, 10, "the PLC's number of the part, zero-padded; else the station's own, from 1"),
  field("part", 32, 32, "from the trigger, padded with spaces"),
  field("verdict", 65, 1, "1 PASS, 2 FAIL, 3 NO_VERDICT; 0 never occurs"),
  field("code", 67, 4, "0000, or the reason of a NO_VERDICT"),
  field(
    "score",
    72,
    6,
    "1,000 × score / threshold: at most 1000 for a PASS, at least 1001 for a FAIL; 000000 without one",
  ),
  field("epochms", 79, 13, "Unix ms of the decision"),
  field("flags", 93, 2, "hex, see below"),
];

function out(topic: string, qos: 0 | 1, retained: boolean, payload: string): ContractTopic {
  return { topic, direction: "out", qos, retained, payload };
}

function into(topic: string, payload: string): ContractTopic {
  return { topic, direction: "in", qos: 1, retained: false, payload };
}

function field(name: string, first: number, bytes: number, meaning: string): ResultField {
  return { name, first, bytes, meaning };
}
