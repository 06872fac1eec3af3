import { command, type GroupSpec } from "../command-line/command-spec.ts";

const STATE = { value: "FOLDER", help: "the daemon's stateFolder" } as const;

export const KEYS_GENERATE = command({
  name: "keys generate",
  summary: "on the engineer's machine: a key that signs in FILE (keep it secret), its public half in FILE.pub",
  usage: ["--out FILE"],
  about: "On the engineer's machine: a key that signs in FILE (keep it secret), its public half in FILE.pub.",
  options: { out: { value: "FILE", help: "the new key; a file that is there is kept" } },
  operand: null,
});

export const KEYS_TRUST = command({
  name: "keys trust",
  summary: "at the device: accept what the key signs. The first key arms the counters that stop replays",
  usage: ["FILE.pub --state FOLDER --role config|bank [--label TEXT]"],
  about: "At the device: accept what the key signs. The first key arms the counters that stop replays.",
  options: {
    state: STATE,
    role: { value: "ROLE", multiple: true, choices: ["config", "bank"], help: "what it may sign: config or bank" },
    label: { value: "TEXT", help: "whose it is, at most 80 characters" },
  },
  operand: "FILE.pub",
});

export const KEYS_LIST = command({
  name: "keys list",
  summary: "the keys of the device with their ids, roles and times, and whether pushes are armed",
  usage: ["--state FOLDER [--json]"],
  about: "The keys of the device with their ids, roles and times, and whether pushes are armed.",
  options: { state: STATE, json: { help: "one JSON document instead of lines" } },
  operand: null,
});

export const KEYS_REVOKE = command({
  name: "keys revoke",
  summary: "accept nothing of that key any more, for good",
  usage: ["KEYID --state FOLDER"],
  about: "Accept nothing of that key any more, for good.",
  options: { state: STATE },
  operand: "KEYID",
});

export const KEYS_REARM = command({
  name: "keys rearm",
  summary:
    "after the counters were lost: accept pushes again. A document that was applied before could then be sent again, so change the keys " +
    "when you do not know why they were lost",
  usage: ["--state FOLDER"],
  about:
    "After the counters were lost: accept pushes again. A document that was applied before could then be sent again, so change the keys " +
    "when you do not know why they were lost.",
  options: { state: STATE },
  operand: null,
});

export const KEYS: GroupSpec = {
  name: "keys",
  summary: "keys of signed pushes",
  about:
    "Signed documents (configuration, memory banks, commands) are accepted from trusted keys only. FOLDER is the daemon's stateFolder; work in " +
    "it as the daemon's user, who has to read what is written. A running daemon goes by a change from the next document on.",
  commands: [KEYS_GENERATE, KEYS_TRUST, KEYS_LIST, KEYS_REVOKE, KEYS_REARM],
};
