import { command, type GroupSpec } from "../command-line/command-spec.ts";
import { MODELS } from "./common.ts";

const KEY = { value: "FILE" } as const;
const SITE = { value: "SITE", help: "needed where several sites on the broker have such a station" } as const;
const USERNAME = { value: "NAME", help: "for the broker" } as const;
const PASSWORD_FILE = { value: "FILE", help: "holds the password for the broker" } as const;
const AUTHORITIES = { value: "FILE", help: "certificate authorities, PEM" } as const;

const STATION = {
  value: "LINE/NAME",
  multiple: true,
  help: "the station; + stands for any line or any name (line1/+)",
} as const;

/** Of a push to several stations. */
const FLEET = {
  canary: { value: "N", heading: "Several stations:", help: "these go first, N stations, or N% of all" },
  then: {
    value: "N|N%|all",
    multiple: true,
    help: "the next wave, when the one before has ended well; without one the rest is left alone",
  },
  "halt-on": {
    value: "WHAT,…",
    help:
      "of rolled_back, refused, failed, timeout, offline: nobody gets it after that; default all of them. A wave in which no " +
      "station took it always ends the rollout",
  },
  parallel: { value: "N", help: "so many stations at a time, default 4" },
  state: {
    value: "FILE",
    help:
      "what each station did; default FILE.rollout.json beside what is sent. The same command goes on by it: stations that " +
      "took it are left alone, the others are tried again",
  },
} as const;

export const PUSH_CONFIG = command({
  name: "push config",
  summary: "send a signed configuration",
  usage: ["FILE --to URL --station LINE/NAME --key FILE [options]", "FILE --to URL --device NAME --key FILE [options]"],
  about:
    "Checks FILE (YAML or JSON), signs it, sends it to a station, or to the device for what is device-wide, and says what came of it. FILE is " +
    "the whole of what is to be set from afar: a key that it leaves out is again as the device's own file says.",
  options: {
    to: { value: "URL", help: "the broker, mqtt:// or mqtts://" },
    station: STATION,
    device: { value: "NAME", help: "instead of --station, for what is device-wide" },
    key: { ...KEY, help: "the key that signs, of nominald keys generate; the device trusts it with role config" },
    "dry-run": { help: "ask the device what would change, and change nothing" },
    site: { ...SITE, help: "when several sites have a station of that name" },
    "confirm-at": { value: "URL", help: "a configuration that moves the device to another broker: that broker" },
    username: USERNAME,
    "password-file": PASSWORD_FILE,
    "ca-file": AUTHORITIES,
    timeout: { value: "S", help: "how long to wait for the end, seconds, default 180" },
    unsigned: { help: "instead of --key, for a device with security.allowUnsigned" },
    ...FLEET,
  },
  operand: "FILE",
  closing: "Exit codes: 0 applied, 3 FILE is wrong, 4 the device refused it, 5 no answer, or rolled back.",
});

export const PUSH_BANK = command({
  name: "push bank",
  summary: "send a signed bank",
  usage: [
    "BANK --to URL --station LINE/NAME --key FILE [options]",
    "--promote|--rollback|--withdraw --to URL --station LINE/NAME --key FILE [options]",
  ],
  about:
    "Sends a memory bank, and the backbone it needs where the station has none. The station tries it on its golden frames, works with it on " +
    "probation, and goes back to the bank before when it does worse. Run it again to go on with what was broken off.",
  options: {
    to: { value: "URL", help: "the broker: mqtt://HOST:PORT or mqtts://HOST:PORT" },
    station: STATION,
    site: SITE,
    key: { ...KEY, help: "a key of role bank that the station trusts (nominald keys)" },
    unsigned: { help: "no key; only for stations with security.allowUnsigned" },
    url: {
      value: "https://…",
      help: "where a station finds the very file BANK; it takes it from there, if its delivery.httpsHosts has the host",
    },
    models: MODELS,
    until: {
      value: "STAGE",
      choices: ["probation", "committed"],
      help: "probation or committed: wait for no more than this, default committed",
    },
    shadow: {
      value: "N",
      help:
        "one station: beside the bank at work it scores the same frames and gives no verdict; wait until it has scored N parts, and say " +
        "what it would have decided. It goes on until it is promoted or withdrawn",
    },
    "shadow-for": { value: "S", help: "wait for no more than S seconds of that, default 86400" },
    promote: { help: "one station: the bank in shadow goes to work, on probation as any" },
    rollback: { help: "back to the bank before" },
    withdraw: { help: "give up the delivery that is under way, or the bank in shadow" },
    username: USERNAME,
    "password-file": PASSWORD_FILE,
    ca: AUTHORITIES,
    ...FLEET,
    timeout: { value: "S", help: "a station that has not ended by then counts as timeout, default 3600" },
  },
  operand: "BANK",
});

export const PUSH: GroupSpec = {
  name: "push",
  summary: "send a signed configuration or bank",
  about: "Sends signed documents, and memory banks, to devices over their broker.",
  commands: [PUSH_CONFIG, PUSH_BANK],
};
