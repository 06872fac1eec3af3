import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { UNSIGNED } from "../../bank/envelope.ts";
import { LARGEST_DOCUMENT_BYTES, signDocument, type DocumentType } from "../../bank/signed-document.ts";
import { readSigningKey, type SigningKey } from "../../bank/signing-key.ts";
import { deviceSchema } from "../../config/device-schema.ts";
import { parseDocumentText, readConfigText } from "../../config/document.ts";
import { problemsError } from "../../config/problem.ts";
import { stationSchema } from "../../config/station-schema.ts";
import { DEVICE_TWIN, readTwin } from "../../config/twin-document.ts";
import { TWIN_TOPICS, type TwinReport, type TwinTryAnswer } from "../../mqtt/twin-payloads.ts";
import { InputError, reasonOf } from "../../shared/errors.ts";
import { EXIT } from "../../shared/exit-codes.ts";
import { helpOf } from "../command-line/help.ts";
import { parseCommandLine } from "../command-line/parse.ts";
import { PUSH_CONFIG } from "../commands/push.ts";
import type { CommandIo } from "../io.ts";
import { PushLine, within, type Login } from "./line.ts";
import { findTarget, parseReport, targetName, type Target, type TargetName } from "./target.ts";

/** A broker's liar could push a key's counter to its end; an honest device never gets here. */
const LARGEST_HONEST_COUNTER = 1e12;
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
  const wanted = targetName(values);
  const timeoutS = Number(values.timeout ?? DEFAULT_TIMEOUT_S);
  if (file === undefined || more.length > 0) return usage("Expected one FILE");
  if (to === undefined) return usage("Expected --to URL");
  if (wanted === null) return usage("Expected either --station LINE/NAME or --device NAME");
  if ((keyFile === undefined) !== unsigned) return usage("Expected either --key FILE or --unsigned");
  if (!(timeoutS > 0)) return usage(`Expected --timeout in seconds but received ${values.timeout}`);
  const body = await readBody(file, wanted);
  const key = keyFile === undefined ? null : readKey(keyFile);
  const login = { username: values.username, passwordFile: values["password-file"], caFile: values["ca-file"] };
  const push = { body, key, timeoutMs: timeoutS * 1_000, io };
  return withLine(to, login, async (line) => {
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

async function readBody(file: string, { line }: TargetName): Promise<unknown> {
  const document = parseDocumentText(await readConfigText(file), file);
  const { problems } = readTwin(line === DEVICE_TWIN ? deviceSchema : stationSchema, document.value);
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

function sign(push: Push, type: DocumentType, body: unknown, counter: number, { target }: Target): Buffer {
  const envelope = signDocument({ type, target, counter, body }, push.key);
  const { payload } = JSON.parse(envelope.toString("utf8")) as { readonly payload: string };
  const bytes = Buffer.from(payload, "base64").length;
  if (bytes <= LARGEST_DOCUMENT_BYTES) return envelope;
  const text = `Expected a configuration of at most ${LARGEST_DOCUMENT_BYTES} bytes but received ${bytes}`;
  throw new InputError("push-too-large", text);
}

async function tryOut(push: Push, line: PushLine, target: Target): Promise<number> {
  const payload = sign(push, "command", { command: "try-config", config: push.body }, 1, target);
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
  const last = target.report.counters[push.key?.keyId ?? UNSIGNED] ?? 0;
  if (!Number.isSafeInteger(last) || last > LARGEST_HONEST_COUNTER) {
    const text = `Expected a counter up to ${LARGEST_HONEST_COUNTER} from ${target.target} but received ${last}`;
    throw new InputError("push-counter", `${text}: somebody else may have published it`);
  }
  const payload = sign(push, "config", push.body, last + 1, target);
  const document = digestOf(payload);
  if (target.report.document === document && target.report.status === "ok") {
    push.io.out(`${target.target}: version ${last + 1} holds already`);
    return EXIT.ok;
  }
  push.io.out(`${target.target}: version ${last + 1} is sent`);
  const ended = new Promise<TwinReport>((resolve, reject) => {
    const hear = (bytes: Buffer, topic: string): void => {
      const report = topic === `${target.root}/${TWIN_TOPICS.reported}` ? parseReport(bytes) : null;
      // The same document again, after a refusal, has the same digest: what was said of it before is no answer.
      if (report?.document !== document || report.at === target.report.at) return;
      if (report.status !== "pending") resolve(report);
      else push.io.out(`${target.target}: applied, and on trial`);
    };
    const lay = async (): Promise<void> => {
      for (const line of lines) await line.subscribe(`${target.root}/${TWIN_TOPICS.reported}`, hear);
      for (const line of lines) await line.publish(`${target.root}/${TWIN_TOPICS.desired}`, payload, true);
    };
    lay().catch(reject);
  });
  const report = await within(ended, push.timeoutMs, `an answer of ${target.target}`);
  printErrors(push.io, report.errors);
  push.io.out(`${target.target}: ${report.status.replace("_", " ")}; version ${report.appliedVersion} holds`);
  if (report.status === "ok") return EXIT.ok;
  return report.status === "rejected" ? EXIT.input : EXIT.device;
}

function printErrors(io: CommandIo, errors: TwinReport["errors"]): void {
  for (const { path, message } of errors) io.err(path === "" ? message : `${path}: ${message}`);
}

function digestOf(payload: Buffer): string {
  return createHash("sha256").update(payload).digest("hex");
}
