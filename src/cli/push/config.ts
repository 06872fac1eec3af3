import { readFileSync } from "node:fs";
import { readSigningKey, type SigningKey } from "../../bank/signing-key.ts";
import { deviceSchema } from "../../config/device-schema.ts";
import { parseDocumentText, readConfigText } from "../../config/document.ts";
import { problemsError } from "../../config/problem.ts";
import { stationSchema } from "../../config/station-schema.ts";
import { DEVICE_TWIN, readTwin } from "../../config/twin-document.ts";
import { TWIN_TOPICS, type TwinReport, type TwinTryAnswer } from "../../mqtt/twin-payloads.ts";
import { BugError, InputError, reasonOf } from "../../shared/errors.ts";
import { EXIT } from "../../shared/exit-codes.ts";
import { helpOf } from "../command-line/help.ts";
import { parseCommandLine } from "../command-line/parse.ts";
import { PUSH_CONFIG } from "../commands/push.ts";
import type { CommandIo } from "../io.ts";
import { digestOf, sendConfig, signFor } from "./config-sender.ts";
import { parseFleet } from "./fleet/arguments.ts";
import { pushConfigToFleet } from "./fleet/push-config.ts";
import { PushLine, within, type Login } from "./line.ts";
import { findTarget, targetName, type Target } from "./target.ts";

const DEFAULT_TIMEOUT_S = 180;

interface Push {
  readonly body: unknown;
  readonly key: SigningKey | null;
  readonly timeoutMs: number;
  readonly io: CommandIo;
}

/** @throws ConfigError when FILE is wrong; InputError for a key or a target that cannot be used; DeviceError without an answer */
export async function pushConfigCommand(args: string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseCommandLine(PUSH_CONFIG, args);
  if (values.help === true) {
    io.out(helpOf(PUSH_CONFIG));
    return EXIT.ok;
  }
  const usage = (problem: string): number => {
    io.err(`${problem}\n\n${helpOf(PUSH_CONFIG)}`);
    return EXIT.usage;
  };
  const [file, ...more] = positionals;
  const { to, key: keyFile, unsigned = false } = values;
  const problems: string[] = [];
  const fleet = parseFleet(values, problems);
  const [station] = values.station ?? [];
  const { device, site } = values;
  const one = { ...(station === undefined ? {} : { station }), ...(device === undefined ? {} : { device }) };
  const wanted = targetName({ ...one, ...(site === undefined ? {} : { site }) });
  const timeoutS = Number(values.timeout ?? DEFAULT_TIMEOUT_S);
  if (file === undefined || more.length > 0) return usage("Expected one FILE");
  if (to === undefined) return usage("Expected --to URL");
  if (problems.length > 0) return usage(problems.join("\n"));
  if (fleet !== null && (device !== undefined || values["dry-run"] === true || values["confirm-at"] !== undefined)) {
    return usage("Expected one station for --dry-run and --confirm-at, and no --device beside several stations");
  }
  if (fleet === null && wanted === null) return usage("Expected either --station LINE/NAME or --device NAME");
  if ((keyFile === undefined) !== unsigned) return usage("Expected either --key FILE or --unsigned");
  if (!(timeoutS > 0)) return usage(`Expected --timeout in seconds but received ${values.timeout}`);
  const body = await readBody(file, fleet === null && wanted?.line === DEVICE_TWIN ? deviceSchema : stationSchema);
  const key = keyFile === undefined ? null : readKey(keyFile);
  const login = { username: values.username, passwordFile: values["password-file"], caFile: values["ca-file"] };
  const push = { body, key, timeoutMs: timeoutS * 1_000, io };
  return withLine(to, login, async (line) => {
    if (fleet !== null) return pushConfigToFleet({ ...push, line, fleet, file, site: site ?? null });
    if (wanted === null) throw new BugError("push-target", "Expected a target that was checked");
    const target = await findTarget(line, wanted);
    if (values["dry-run"] === true) return tryOut(push, line, target);
    const confirmAt = values["confirm-at"];
    if (confirmAt === undefined) return send(push, [line], target);
    return withLine(confirmAt, login, (next) => send(push, [next, line], target));
  });
}

async function withLine(url: string, login: Login, work: (line: PushLine) => Promise<number>): Promise<number> {
  const line = await PushLine.connect(url, login);
  try {
    return await work(line);
  } finally {
    await line.close();
  }
}

async function readBody(file: string, schema: typeof deviceSchema | typeof stationSchema): Promise<unknown> {
  const document = parseDocumentText(await readConfigText(file), file);
  const { problems } = readTwin(schema, document.value);
  if (problems.length === 0) return document.value;
  throw problemsError(
    file,
    problems.map((problem) => ({ ...problem, place: `line ${document.lineOf(problem.path.split("."))}` })),
  );
}

function readKey(file: string): SigningKey {
  try {
    return readSigningKey(readFileSync(file, "utf8"), file);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError("signing-key", `Expected a signing key in ${file} but: ${reasonOf(cause)}`, { cause });
  }
}

async function tryOut(push: Push, line: PushLine, target: Target): Promise<number> {
  const payload = signFor(push.key, "command", { command: "try-config", config: push.body }, 1, target.target);
  const document = digestOf(payload);
  const answered = new Promise<TwinTryAnswer>((resolve, reject) => {
    line
      .subscribe(`${target.root}/${TWIN_TOPICS.tried}`, (bytes, topic) => {
        if (!topic.endsWith(TWIN_TOPICS.tried)) return;
        const answer = JSON.parse(bytes.toString("utf8")) as TwinTryAnswer;
        if (answer.document === document) resolve(answer);
      })
      .then(() => line.publish(`${target.root}/${TWIN_TOPICS.try}`, payload, false))
      .catch(reject);
  });
  const { errors, changes } = await within(answered, push.timeoutMs, `an answer of ${target.target}`);
  printErrors(push.io, errors);
  if (errors.length > 0) return EXIT.input;
  for (const { path, from, to, apply } of changes) {
    push.io.out(`${path}: ${JSON.stringify(from)} → ${JSON.stringify(to)} [${apply}]`);
  }
  push.io.out(
    changes.length === 0 ? `${target.target}: nothing would change` : `${target.target}: nothing was changed`,
  );
  return EXIT.ok;
}

/** @param lines the brokers on which the document is laid, the last one that on which the device is now */
async function send(push: Push, lines: readonly PushLine[], target: Target): Promise<number> {
  const say = (line: string): void => push.io.out(`${target.target}: ${line}`);
  const report = await sendConfig({ ...push, lines, target, say });
  if (report === null) return EXIT.ok;
  printErrors(push.io, report.errors);
  say(`${report.status.replace("_", " ")}; version ${report.appliedVersion} holds`);
  if (report.status === "ok") return EXIT.ok;
  return report.status === "rejected" ? EXIT.input : EXIT.device;
}

function printErrors(io: CommandIo, errors: TwinReport["errors"]): void {
  for (const { path, message } of errors) io.err(path === "" ? message : `${path}: ${message}`);
}
