import { parseArgs } from "node:util";
import { FLEET_HELP, FLEET_OPTIONS, parseFleet, type FleetArguments } from "./fleet/arguments.ts";

export const PUSH_BANK_HELP = `usage: nominald push bank BANK --to URL --station LINE/NAME --key FILE [options]
       nominald push bank --rollback|--withdraw --to URL --station LINE/NAME --key FILE [options]

Sends a memory bank, and the backbone it needs where the station has none. The station tries it on its golden frames, works
with it on probation, and goes back to the bank before when it does worse. Run it again to go on with what was broken off.

  --to URL             the broker: mqtt://HOST:PORT or mqtts://HOST:PORT
  --station LINE/NAME  the station
  --site SITE          needed where several sites on the broker have such a station
  --key FILE           a key of role bank that the station trusts (nominald keys)
  --unsigned           no key; only for stations with security.allowUnsigned
  --url https://…      where a station finds the very file BANK; it takes it from there, if its delivery.httpsHosts has the host
  --models DIR         a folder of further backbones (may be repeated)
  --until STAGE        probation or committed: wait for no more than this, default committed
  --rollback           back to the bank before
  --withdraw           give up the delivery that is under way
  --username NAME      for the broker
  --password-file FILE
  --ca FILE            certificate authorities, PEM

${FLEET_HELP}
  --timeout S          a station that has not ended by then counts as timeout, default 3600`;

export interface PushBankArguments {
  readonly help: boolean;
  readonly what: "bank" | "rollback" | "withdraw";
  readonly bank: string;
  readonly to: string;
  /** null: the one site on the broker that has the station. */
  readonly site: string | null;
  /** The one station; meaningless with `fleet`. */
  readonly line: string;
  readonly station: string;
  /** null: one station. */
  readonly fleet: FleetArguments | null;
  /** Of one station of a fleet. */
  readonly timeoutMs: number;
  /** null: unsigned. */
  readonly key: string | null;
  /** null: blocks come over the broker. */
  readonly url: string | null;
  readonly models: readonly string[];
  readonly until: "probation" | "committed";
  readonly username: string | null;
  readonly passwordFile: string | null;
  readonly ca: string | null;
}

const STATION = /^[a-z0-9_-]{1,32}\/[a-z0-9_-]{1,32}$/;
const SITE = /^[a-z0-9_-]{1,32}$/;
const DEFAULT_TIMEOUT_S = 3_600;
/** Timers count no further. */
const MOST_TIMEOUT_S = 2_000_000;
const BROKER = /^mqtts?:\/\/\S+$/;

/**
 * @returns the checked command line, or everything that is wrong with it, one line each
 * @throws TypeError of util.parseArgs for unknown options
 */
export function parsePushBank(args: string[]): PushBankArguments | { readonly problems: readonly string[] } {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      to: { type: "string" },
      ...FLEET_OPTIONS,
      timeout: { type: "string" },
      site: { type: "string" },
      key: { type: "string" },
      unsigned: { type: "boolean" },
      url: { type: "string" },
      models: { type: "string", multiple: true },
      until: { type: "string" },
      rollback: { type: "boolean" },
      withdraw: { type: "boolean" },
      username: { type: "string" },
      "password-file": { type: "string" },
      ca: { type: "string" },
      help: { type: "boolean" },
    },
  });
  const { to = "", until = "committed" } = values;
  const station = values.station?.[0] ?? "";
  const site = values.site ?? null;
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string): void => void (holds || problems.push(problem));
  const asked = (values.rollback === true ? 1 : 0) + (values.withdraw === true ? 1 : 0);
  expect(positionals.length + asked === 1, "Expected one BANK, or --rollback, or --withdraw");
  expect(BROKER.test(to), `Expected mqtt://HOST or mqtts://HOST for --to but received ${JSON.stringify(to)}`);
  const url = values.url ?? null;
  expect(
    url === null || (asked === 0 && URL.canParse(url) && url.startsWith("https://")),
    `Expected https://… for --url, beside a BANK, but received ${url}`,
  );
  const fleet = parseFleet(values, problems);
  expect(
    fleet !== null || STATION.test(station),
    `Expected LINE/NAME for --station but received ${JSON.stringify(station)}`,
  );
  expect(site === null || SITE.test(site), `Expected a site's name for --site but received ${JSON.stringify(site)}`);
  expect((values.key !== undefined) !== (values.unsigned === true), "Expected --key FILE, or --unsigned");
  expect(
    until === "probation" || until === "committed",
    `Expected probation or committed for --until but received ${until}`,
  );
  const timeoutS = Number(values.timeout ?? DEFAULT_TIMEOUT_S);
  expect(timeoutS > 0 && timeoutS <= MOST_TIMEOUT_S, `Expected --timeout in seconds but received ${values.timeout}`);
  expect(fleet !== null || values.timeout === undefined, "Expected several stations for --timeout");
  expect(
    fleet === null || asked === 0 || fleet.state !== null,
    "Expected --state FILE for --rollback and --withdraw of several stations",
  );
  if (problems.length > 0 && values.help !== true) return { problems };
  const [line = "", name = ""] = station.split("/");
  return {
    help: values.help === true,
    what: values.rollback === true ? "rollback" : values.withdraw === true ? "withdraw" : "bank",
    bank: positionals[0] ?? "",
    ...{ to, site, line, station: name, fleet, timeoutMs: timeoutS * 1_000 },
    key: values.key ?? null,
    url,
    models: values.models ?? [],
    until: until === "probation" ? "probation" : "committed",
    username: values.username ?? null,
    passwordFile: values["password-file"] ?? null,
    ca: values.ca ?? null,
  };
}
