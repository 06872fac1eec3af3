import { createHash } from "node:crypto";
import { UNSIGNED } from "../../bank/envelope.ts";
import { LARGEST_DOCUMENT_BYTES, signDocument, type DocumentType } from "../../bank/signed-document.ts";
import type { SigningKey } from "../../bank/signing-key.ts";
import { TWIN_TOPICS, type TwinReport } from "../../mqtt/twin-payloads.ts";
import { InputError } from "../../shared/errors.ts";
import { within, type PushLine } from "./line.ts";
import { parseReport, type Target } from "./target.ts";

export interface ConfigJob {
  readonly body: unknown;
  /** null: unsigned. */
  readonly key: SigningKey | null;
  readonly timeoutMs: number;
  /** The brokers on which the document is laid, the last one that on which the device is now. */
  readonly lines: readonly PushLine[];
  readonly target: Target;
  readonly say: (line: string) => void;
}

/** A broker's liar could push a key's counter to its end; an honest device never gets here. */
const LARGEST_HONEST_COUNTER = 1e12;

/**
 * Signs a configuration, lays it on the broker, and waits for what the target says of it.
 *
 * @returns its end; null: it holds already
 * @throws InputError "push-counter", "push-too-large"; DeviceError "push-timeout"
 */
export async function sendConfig(job: ConfigJob): Promise<TwinReport | null> {
  const { body, key, timeoutMs, lines, target, say } = job;
  const last = target.report.counters[key?.keyId ?? UNSIGNED] ?? 0;
  if (!Number.isSafeInteger(last) || last > LARGEST_HONEST_COUNTER) {
    const text = `Expected a counter up to ${LARGEST_HONEST_COUNTER} from ${target.target} but received ${last}`;
    throw new InputError("push-counter", `${text}: somebody else may have published it`);
  }
  const payload = signFor(key, "config", body, last + 1, target.target);
  const document = digestOf(payload);
  if (target.report.document === document && target.report.status === "ok") {
    say(`version ${last + 1} holds already`);
    return null;
  }
  say(`version ${last + 1} is sent`);
  const ended = new Promise<TwinReport>((resolve, reject) => {
    const hear = (bytes: Buffer, topic: string): void => {
      const report = topic === `${target.root}/${TWIN_TOPICS.reported}` ? parseReport(bytes) : null;
      // The same document again, after a refusal, has the same digest: what was said of it before is no answer.
      if (report?.document !== document || report.at === target.report.at) return;
      if (report.status !== "pending") resolve(report);
      else say("applied, and on trial");
    };
    const lay = async (): Promise<void> => {
      for (const line of lines) await line.subscribe(`${target.root}/${TWIN_TOPICS.reported}`, hear);
      for (const line of lines) await line.publish(`${target.root}/${TWIN_TOPICS.desired}`, payload, true);
    };
    lay().catch(reject);
  });
  return within(ended, timeoutMs, `an answer of ${target.target}`);
}

/** @throws InputError "push-too-large" */
export function signFor(
  key: SigningKey | null,
  type: DocumentType,
  body: unknown,
  counter: number,
  target: string,
): Buffer {
  const envelope = signDocument({ type, target, counter, body }, key);
  const { payload } = JSON.parse(envelope.toString("utf8")) as { readonly payload: string };
  const bytes = Buffer.from(payload, "base64").length;
  if (bytes <= LARGEST_DOCUMENT_BYTES) return envelope;
  const text = `Expected a configuration of at most ${LARGEST_DOCUMENT_BYTES} bytes but received ${bytes}`;
  throw new InputError("push-too-large", text);
}

/** By this a target names a document. */
export function digestOf(payload: Buffer): string {
  return createHash("sha256").update(payload).digest("hex");
}
