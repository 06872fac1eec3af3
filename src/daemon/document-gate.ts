import { join } from "node:path";
import { Counters } from "../bank/counters.ts";
import { UNSIGNED } from "../bank/envelope.ts";
import { openDocument } from "../bank/signed-document.ts";
import type { DocumentHead, DocumentType, SignedDocument } from "../bank/signed-document.ts";
import { TrustedKeys } from "../bank/trusted-keys.ts";
import type { Clock } from "../shared/clock.ts";
import { reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { WriteStep } from "../shared/replace-file.ts";

export interface DocumentGateOptions {
  /** Keys and counters lie in its folder `keys`. */
  readonly stateFolder: string;
  /** `security.allowUnsigned`, as it is now. */
  readonly allowUnsigned: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told after each step of writing the counters; a test ends the process there. */
  readonly onWriteStep?: (step: WriteStep) => void;
}

export interface GateStatus {
  readonly allowUnsigned: boolean;
  /** Keys that are trusted and not revoked. */
  readonly trustedKeys: number;
  /** Why every push is refused; null: those of trusted keys are accepted. */
  readonly problem: string | null;
}

/** Unsigned mode is told in the log again and again, so that nobody forgets it. */
const UNSIGNED_REMINDER_MS = 600_000;
/** The status goes with every `state`, many a second; files are looked at so often. */
const STATUS_FRESH_MS = 5_000;

/**
 * What every push has to pass: size, depth, signature, type, role, target, and a counter that has grown. Keys and counters
 * are read anew for each document, so that `nominald keys revoke` holds from the next one on, and not from the next start.
 */
export class DocumentGate {
  readonly #options: DocumentGateOptions;
  readonly #folder: string;
  #reminder: NodeJS.Timeout | undefined;
  #status: { readonly status: GateStatus; readonly atMs: number } | null = null;

  constructor(options: DocumentGateOptions) {
    this.#options = options;
    this.#folder = join(options.stateFolder, "keys");
  }

  /** Tells of unsigned mode, now and as long as it holds. */
  start(): void {
    this.remind();
    this.#reminder ??= setInterval(() => this.remind(), UNSIGNED_REMINDER_MS);
    this.#reminder.unref();
  }

  /** Tells of unsigned mode, if it holds. */
  remind(): void {
    if (!this.#options.allowUnsigned()) return;
    this.#options.logger.warn(
      {},
      "security.allowUnsigned is true: whoever may publish to the broker may change configuration and memory banks",
    );
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#reminder);
    this.#reminder = undefined;
  }

  /**
   * Everything but the counter, so that a document which the broker sends again can be known for what it is.
   *
   * @param bytes as they came; nothing was parsed
   * @returns a document whose body is not checked yet
   * @throws InputError of `openDocument`; DeviceError "trusted-keys" when the file of keys is damaged
   */
  open(bytes: Uint8Array, expected: { readonly type: DocumentType; readonly target: string }): SignedDocument {
    return openDocument(bytes, expected, TrustedKeys.open(this.#folder), this.#options.allowUnsigned());
  }

  /**
   * Call it when nothing else can go wrong with the document any more.
   *
   * @throws InputError "counter-replayed"; DeviceError "counters-lost"
   */
  check(head: DocumentHead): void {
    this.#counters().check(head);
  }

  /**
   * Writes the document's counter, before anything of it takes effect.
   *
   * @throws InputError "counter-replayed"; DeviceError "counters-lost"; the system's error when the disk fails
   */
  take(head: DocumentHead): void {
    this.#counters().advance(head);
  }

  /** @returns the last counter of each trusted key for a target; a key without one, or lost counters, are left out */
  counters(type: DocumentType, target: string): Readonly<Record<string, number>> {
    const counters = this.#counters();
    return Object.fromEntries(
      this.#keyIds().flatMap((keyId) => {
        const last = counters.last({ keyId, type, target });
        return last === null || last === 0 ? [] : [[keyId, last]];
      }),
    );
  }

  /** At most 5 s old. */
  status(): GateStatus {
    const nowMs = this.#options.clock.monotonicMs();
    const { allowUnsigned } = this.#options;
    const isFresh = this.#status !== null && nowMs - this.#status.atMs < STATUS_FRESH_MS;
    if (this.#status === null || !isFresh || this.#status.status.allowUnsigned !== allowUnsigned()) {
      this.#status = { status: this.#look(), atMs: nowMs };
    }
    return this.#status.status;
  }

  #look(): GateStatus {
    const allowUnsigned = this.#options.allowUnsigned();
    try {
      const trustedKeys = TrustedKeys.open(this.#folder).trusted().length;
      const noKey = trustedKeys === 0 && !allowUnsigned ? "no key is trusted; nominald keys trust" : null;
      return { allowUnsigned, trustedKeys, problem: noKey ?? this.#counters().problem };
    } catch (error) {
      return { allowUnsigned, trustedKeys: 0, problem: reasonOf(error) };
    }
  }

  #keyIds(): readonly string[] {
    try {
      return [...TrustedKeys.open(this.#folder).trusted(), ...(this.#options.allowUnsigned() ? [UNSIGNED] : [])];
    } catch {
      // A damaged file trusts nobody; `status` says so.
      return [];
    }
  }

  #counters(): Counters {
    return Counters.open(this.#folder, this.#options.onWriteStep);
  }
}
