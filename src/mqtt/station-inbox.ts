import { InputError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { TriggerFields } from "../station/events.ts";
import type { CommandAnswer, CommandCounters, CommandHandler } from "./commands.ts";
import { Commands } from "./commands.ts";
import type { PartName } from "./plc-payloads.ts";
import { parseAck, parseTrigger } from "./plc-payloads.ts";
import type { Subscription } from "./subscriptions.ts";
import type { StationTopics } from "./topics.ts";

/** Who acts on what the PLC and others send. */
export interface InboxListener {
  trigger(trigger: TriggerFields): void;
  /** Session and seq are right, part or recipe are not: it is refused. */
  malformedTrigger(name: PartName): void;
  /** @returns whether such a result was known */
  acknowledged(name: PartName): boolean;
  readonly command: CommandHandler;
}

export interface InboxCounters {
  readonly triggers: number;
  readonly acknowledgements: number;
  readonly commands: CommandCounters;
  /** What changed nothing, by why. */
  readonly ignored: Readonly<Partial<Record<IgnoredBecause, number>>>;
}

export type IgnoredBecause =
  | "trigger-retained"
  | "trigger-unreadable"
  | "trigger-malformed"
  | "ack-retained"
  | "ack-unreadable"
  | "ack-unknown"
  | "command-retained";

/**
 * What comes in for a station. A retained trigger or command is an old one that the broker kept: it is ignored. Nothing
 * that cannot be read changes anything; it is counted with its reason, and the first of each kind is logged.
 */
export class StationInbox {
  readonly #topics: StationTopics;
  readonly #logger: Logger;
  readonly #commands: Commands;
  #listener: InboxListener | null = null;
  readonly #ignored: Partial<Record<IgnoredBecause, number>> = {};
  #triggers = 0;
  #acknowledgements = 0;

  constructor(topics: StationTopics, answer: (name: string, answer: CommandAnswer) => void, logger: Logger) {
    this.#topics = topics;
    this.#logger = logger;
    const handle: CommandHandler = async (name, args) => (await this.#listener?.command(name, args)) ?? {};
    this.#commands = new Commands(handle, answer, logger);
  }

  /** @param listener who acts on it; until then nothing is subscribed to */
  listen(listener: InboxListener): void {
    this.#listener = listener;
  }

  subscriptions(): readonly Subscription[] {
    const { plcTrigger, plcAck, command } = this.#topics;
    return [
      { topic: plcTrigger, qos: 1, handle: (payload, retained) => this.#onTrigger(payload, retained) },
      { topic: plcAck, qos: 1, handle: (payload, retained) => this.#onAck(payload, retained) },
      {
        topic: `${command}/+`,
        qos: 1,
        handle: (payload, retained, topic) => this.#onCommand(payload, retained, topic),
      },
    ];
  }

  counters(): InboxCounters {
    return {
      triggers: this.#triggers,
      acknowledgements: this.#acknowledgements,
      commands: this.#commands.counters(),
      ignored: { ...this.#ignored },
    };
  }

  #onTrigger(payload: Uint8Array, retained: boolean): void {
    if (retained) {
      this.#ignore("trigger-retained", "an old trigger that the broker kept");
      return;
    }
    const parsed = this.#read("trigger-unreadable", () => parseTrigger(payload));
    if (parsed === null) return;
    const { session, seq, trigger } = parsed;
    if (trigger === null) {
      this.#ignore("trigger-malformed", `trigger ${session} ${seq}`);
      this.#listener?.malformedTrigger({ session, seq });
      return;
    }
    this.#triggers++;
    this.#listener?.trigger(trigger);
  }

  #onAck(payload: Uint8Array, retained: boolean): void {
    if (retained) {
      this.#ignore("ack-retained", "an old acknowledgement that the broker kept");
      return;
    }
    const name = this.#read("ack-unreadable", () => parseAck(payload));
    if (name === null) return;
    if (this.#listener?.acknowledged(name) === true) this.#acknowledgements++;
    else this.#ignore("ack-unknown", `acknowledgement of ${name.session} ${name.seq}`);
  }

  #onCommand(payload: Uint8Array, retained: boolean, topic: string): void {
    if (retained) {
      this.#ignore("command-retained", "an old command that the broker kept");
      return;
    }
    this.#commands.receive(topic.slice(this.#topics.command.length + 1), payload);
  }

  #read<T>(why: IgnoredBecause, parse: () => T): T | null {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#ignore(why, error.message);
      return null;
    }
  }

  #ignore(why: IgnoredBecause, detail: string): void {
    const count = (this.#ignored[why] ?? 0) + 1;
    this.#ignored[why] = count;
    if (count === 1) this.#logger.warn({ topic: this.#topics.root, why, detail }, "a message was ignored");
  }
}
