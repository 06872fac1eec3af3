import { InputError, NominalError, reasonOf, toWireError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";

export const COMMAND_NAMES = [
  "trigger",
  "pause",
  "resume",
  "snapshot",
  "self-test",
  "challenge",
  "reboot-camera",
  "log-level",
] as const;
export type CommandName = (typeof COMMAND_NAMES)[number];

/** What a station does on a command; what it resolves to is the answer's `data`. */
export type CommandHandler = (name: CommandName, args: Readonly<Record<string, unknown>>) => Promise<object>;

/** JSON of `cmd/<name>/res`. */
export interface CommandAnswer {
  readonly status: "ok" | "error";
  readonly data: object | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  /** The request's; null when it could not be read. */
  readonly transaction: string | null;
}

export interface CommandCounters {
  readonly answered: number;
  /** Answered with an error, by its code; a code that never occurred is absent. */
  readonly failed: Readonly<Record<string, number>>;
  /** The same transaction again: it was not carried out twice, nor answered twice. */
  readonly repeated: number;
  /** Commands that got no answer, since no topic for one can be made of their name. */
  readonly unnameable: number;
}

const LARGEST_COMMAND_BYTES = 4_096;
/** Commands under way at once. */
const LARGEST_PENDING = 8;
/** A command that takes longer is answered as failed, whatever becomes of it, ms. */
const COMMAND_DEADLINE_MS = 15_000;
/** Transactions that are remembered. */
const REMEMBERED = 256;
/** A name that can be answered on a topic of its own. */
const NAME = /^[a-z0-9-]{1,32}$/;
const TRANSACTION = /^[\x21-\x7e]{1,64}$/;

interface Request {
  readonly transaction: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/**
 * Commands with a transaction. Each is carried out once and answered once: what QoS 1 delivers twice is known by its
 * transaction. What cannot be understood is answered as an error and changes nothing.
 */
export class Commands {
  readonly #handle: CommandHandler;
  readonly #answer: (name: string, answer: CommandAnswer) => void;
  readonly #logger: Logger;
  readonly #seen = new Set<string>();
  #pending = 0;
  #answered = 0;
  readonly #failed: Record<string, number> = {};
  #repeated = 0;
  #unnameable = 0;

  constructor(handle: CommandHandler, answer: (name: string, answer: CommandAnswer) => void, logger: Logger) {
    this.#handle = handle;
    this.#answer = answer;
    this.#logger = logger;
  }

  counters(): CommandCounters {
    return {
      answered: this.#answered,
      failed: { ...this.#failed },
      repeated: this.#repeated,
      unnameable: this.#unnameable,
    };
  }

  /** @param name the topic's last segment */
  receive(name: string, payload: Uint8Array): void {
    if (!NAME.test(name)) {
      this.#unnameable++;
      return;
    }
    let request: Request | null = null;
    try {
      request = parseRequest(payload);
      const key = `${name} ${request.transaction}`;
      if (this.#seen.has(key)) {
        this.#repeated++;
        return;
      }
      this.#remember(key);
      const known = COMMAND_NAMES.find((command) => command === name);
      if (known === undefined) {
        throw new InputError("command-unknown", `Expected one of ${COMMAND_NAMES.join(", ")} but received ${name}`);
      }
      if (this.#pending >= LARGEST_PENDING) {
        throw new InputError("command-overrun", `Expected at most ${LARGEST_PENDING} commands at once; send it later`);
      }
      void this.#carryOut(known, request);
    } catch (error) {
      this.#fail(name, request?.transaction ?? null, error);
    }
  }

  async #carryOut(name: CommandName, { transaction, args }: Request): Promise<void> {
    this.#pending++;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new InputError("command-deadline", `Expected ${name} to be done within ${COMMAND_DEADLINE_MS} ms`);
      timer = setTimeout(() => reject(error), COMMAND_DEADLINE_MS);
    });
    try {
      const data = await Promise.race([this.#handle(name, args), late]);
      this.#answered++;
      this.#answer(name, { status: "ok", data, error: null, transaction });
    } catch (error) {
      if (!(error instanceof NominalError)) this.#logger.error({ command: name }, `command failed: ${reasonOf(error)}`);
      this.#fail(name, transaction, error);
    } finally {
      clearTimeout(timer);
      this.#pending--;
    }
  }

  #fail(name: string, transaction: string | null, error: unknown): void {
    const { code, message } = toWireError(error);
    this.#failed[code] = (this.#failed[code] ?? 0) + 1;
    this.#answer(name, { status: "error", data: null, error: { code, message }, transaction });
  }

  #remember(key: string): void {
    this.#seen.add(key);
    const oldest = this.#seen.values().next().value;
    if (this.#seen.size > REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
  }
}

/** @throws InputError "command-malformed" */
function parseRequest(payload: Uint8Array): Request {
  if (payload.length > LARGEST_COMMAND_BYTES) {
    throw malformed(`at most ${LARGEST_COMMAND_BYTES} bytes`, `${payload.length}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("utf8"));
  } catch (error) {
    throw malformed("JSON", reasonOf(error));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed("an object", typeof value);
  const { transaction, ...args } = value as Record<string, unknown>;
  if (typeof transaction !== "string" || !TRANSACTION.test(transaction)) {
    throw malformed(
      "a transaction of 1 to 64 printable characters",
      JSON.stringify(transaction)?.slice(0, 80) ?? "none",
    );
  }
  return { transaction, args };
}

function malformed(expected: string, received: string): InputError {
  return new InputError("command-malformed", `Expected ${expected} for a command but received ${received}`);
}
