import { setTimeout as sleep } from "node:timers/promises";
import type { SignedDocument } from "../bank/signed-document.ts";
import type { TwinReport, TwinTryAnswer } from "../mqtt/twin-payloads.ts";
import type { Clock } from "../shared/clock.ts";
import { reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { isRefused, type Candidate, type ConfigKeeper } from "./config-keeper.ts";
import type { ConfigChange } from "./concerns.ts";
import type { DocumentGate } from "./document-gate.ts";
import type { Trial } from "./trial.ts";
import { digestOf, twinError } from "./twin-file.ts";
import type { StoredTwin, TwinDocument, TwinError, TwinFile } from "./twin-file.ts";
import { tryConfig } from "./twin-try.ts";

/** The session over which a twin speaks. */
export interface TwinChannel {
  report(report: TwinReport): void;
  answerTry(answer: TwinTryAnswer): void;
}

export interface TwinOptions {
  /** `_device`, or `line/name`. */
  readonly name: string;
  /** `<site>/<line>/<station>` or `<site>/_device/<device>`: what a document has to be for. */
  readonly target: string;
  readonly file: TwinFile;
  readonly stored: StoredTwin;
  /** Why the stored document does not hold; null: it does. */
  readonly leftOut: string | null;
  readonly gate: DocumentGate;
  readonly keeper: ConfigKeeper;
  /** @returns null when the changes can lose nothing: they hold at once. To be called before they are applied. */
  readonly trialOf: (changes: readonly ConfigChange[]) => Trial | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Seen = Pick<TwinReport, "at" | "desiredVersion" | "status" | "document" | "errors">;

/** Who may publish could send without end: after a refusal, and between two questions, the daemon rests, ms. */
const REFUSAL_PAUSE_MS = 100;
const QUESTION_EVERY_MS = 100;

/**
 * The configuration of a station, or of the device, as it is pushed from afar. A document is checked whole, its counter
 * written, then the document, then it is applied; one that could lose broker, camera or inference is on trial until it
 * has shown that it does not, and is taken back otherwise. A bad document changes nothing.
 */
export class Twin {
  readonly #options: TwinOptions;
  readonly #closing = new AbortController();
  #channel: TwinChannel | null = null;
  #stored: StoredTwin;
  #seen: Seen;
  /** A stored document that does not hold. */
  readonly #leftOut: string | null;
  #trial: Trial | null = null;
  /** The newest document that waits; an older one that was not begun is passed over. */
  #next: Uint8Array | null = null;
  #askedAtMs = -Infinity;

  constructor(options: TwinOptions) {
    this.#options = options;
    const { stored, leftOut } = options;
    // One that does not hold is none; the disk forgets it with the next that comes.
    this.#stored = leftOut === null ? stored : { ...stored, current: null };
    this.#leftOut = leftOut === null ? null : (stored.current?.document ?? null);
    this.#seen = seenAtStart(options);
  }

  /** Before the session starts. */
  listen(channel: TwinChannel): void {
    this.#channel = channel;
  }

  /** A configuration that was on trial when the daemon ended is taken back: it may be what ended it. */
  start(): void {
    const { logger, name, leftOut } = this.#options;
    if (leftOut !== null) logger.error({ twin: name }, `a pushed configuration does not hold: ${leftOut}`);
    const { trial } = this.#stored;
    if (trial !== null) this.#rollBack(trial, "nominald was started before the configuration had proved itself");
    this.#report();
  }

  /** Ends a trial without a result; the next start takes the configuration back. */
  close(): void {
    this.#closing.abort();
  }

  /** The configuration has changed by other means. */
  changed(): void {
    this.#report();
  }

  /** `twin/desired`. The broker sends it again at every connect: a document that is known changes nothing. */
  receive(payload: Uint8Array): void {
    if (payload.length === 0) return;
    const document = digestOf(payload);
    if (document === this.#stored.trial?.document) this.#trial?.confirm();
    const { trial, current, rolledBack } = this.#stored;
    const known = [trial?.document, current?.document, rolledBack?.document, this.#leftOut];
    if (known.includes(document)) return;
    const isQueued = this.#next !== null;
    this.#next = payload;
    if (!isQueued) void this.#options.keeper.exclusive(() => this.#takeNext());
  }

  /** `twin/try`: says what a document would change, and changes nothing. Questions that come too fast are passed over. */
  tryOut(payload: Uint8Array): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#askedAtMs < QUESTION_EVERY_MS) return;
    this.#askedAtMs = nowMs;
    this.#channel?.answerTry(tryConfig(payload, this.#options));
  }

  async #takeNext(): Promise<void> {
    const payload = this.#next;
    this.#next = null;
    if (payload === null || this.#closing.signal.aborted) return;
    const { gate, target, keeper, name } = this.#options;
    const document = digestOf(payload);
    let signed: SignedDocument | null = null;
    try {
      signed = gate.open(payload, { type: "config", target });
      gate.check(signed);
      const candidate = keeper.withTwin(name, signed.body);
      if (isRefused(candidate)) return await this.#reject(document, signed, candidate);
      gate.take(signed);
      const body = signed.body as Readonly<Record<string, unknown>>;
      await this.#adopt({ version: signed.counter, keyId: signed.keyId, document, body }, candidate);
    } catch (error) {
      await this.#reject(document, signed, [twinError(error)]);
    }
  }

  /** @throws the system's error when the disk does not take it: nothing has changed then */
  async #adopt(document: TwinDocument, candidate: Candidate): Promise<void> {
    const { keeper, trialOf, file } = this.#options;
    const trial = trialOf(candidate.changes);
    const { current } = this.#stored;
    const stored =
      trial === null
        ? { current: document, trial: null, rolledBack: null }
        : { current, trial: document, rolledBack: null };
    file.write(stored);
    this.#stored = stored;
    this.#trial = trial;
    keeper.activate(candidate);
    this.#say(document.version, trial === null ? "ok" : "pending", document.document, []);
    if (trial === null) return;
    const failure = await trial.finished(this.#closing.signal);
    this.#trial = null;
    if (failure === undefined) return;
    if (failure === null) this.#commit(document);
    else this.#takeBack(document, failure);
  }

  #commit(document: TwinDocument): void {
    const stored = { current: document, trial: null, rolledBack: null };
    try {
      this.#options.file.write(stored);
    } catch (error) {
      // The next start would take it back; then it is better not to work under it until then.
      return this.#takeBack(document, `Expected to keep the configuration on the disk but: ${reasonOf(error)}`);
    }
    this.#stored = stored;
    this.#say(document.version, "ok", document.document, []);
  }

  #takeBack(document: TwinDocument, why: string): void {
    const { keeper, name } = this.#options;
    const former = keeper.withTwin(name, this.#stored.current?.body ?? null);
    if (isRefused(former)) throw new Error(`unreachable: what held before does not hold: ${former[0]?.message}`);
    keeper.activate(former);
    this.#rollBack(document, why);
    this.#report();
  }

  #rollBack({ version, document }: TwinDocument, why: string): void {
    const { file, logger, name } = this.#options;
    const errors = [{ path: "", message: why }];
    this.#stored = { current: this.#stored.current, trial: null, rolledBack: { version, document, errors } };
    this.#seen = { at: this.#now(), desiredVersion: version, status: "rolled_back", document, errors };
    logger.warn({ twin: name, version }, `the configuration was rolled back: ${why}`);
    try {
      file.write(this.#stored);
    } catch (error) {
      logger.error({ twin: name }, `Expected to note the roll back on the disk but: ${reasonOf(error)}`);
    }
  }

  async #reject(document: string, signed: SignedDocument | null, errors: readonly TwinError[]): Promise<void> {
    const { logger, name } = this.#options;
    for (const { path, message } of errors)
      logger.warn({ twin: name, path }, `the configuration is refused: ${message}`);
    this.#say(signed?.counter ?? this.#seen.desiredVersion, "rejected", document, errors);
    await sleep(REFUSAL_PAUSE_MS);
  }

  #say(desiredVersion: number, status: TwinReport["status"], document: string, errors: readonly TwinError[]): void {
    this.#seen = { at: this.#now(), desiredVersion, status, document, errors };
    const { logger, name } = this.#options;
    if (status !== "rejected") logger.info({ twin: name, version: desiredVersion }, `pushed configuration: ${status}`);
    this.#report();
  }

  #now(): string {
    return new Date(this.#options.clock.wallMs()).toISOString();
  }

  #report(): void {
    const { keeper, gate, name, target } = this.#options;
    const held = this.#stored.trial ?? this.#stored.current;
    this.#channel?.report({
      ...this.#seen,
      appliedVersion: held?.version ?? 0,
      counters: gate.counters("config", target),
      effective: keeper.effective(name),
    });
  }
}

function seenAtStart({ stored, leftOut, clock }: TwinOptions): Seen {
  const { current, rolledBack } = stored;
  const at = new Date(clock.wallMs()).toISOString();
  const held = { at, desiredVersion: current?.version ?? 0, document: current?.document ?? null };
  if (leftOut !== null) return { ...held, status: "rejected", errors: [{ path: "", message: leftOut }] };
  if (rolledBack === null) return { ...held, status: "ok", errors: [] };
  const { version, document, errors } = rolledBack;
  return { at, desiredVersion: version, status: "rolled_back", document, errors };
}
