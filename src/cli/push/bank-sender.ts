import type { MqttClient } from "mqtt";
import { BLOCK_BYTES, offerName, type BankDirective } from "../../bank/offer.ts";
import { signDocument } from "../../bank/signed-document.ts";
import type { SigningKey } from "../../bank/signing-key.ts";
import type { BankStateDocument } from "../../daemon/delivery-state.ts";
import { parseGet, type BankTopics } from "../../mqtt/bank-topics.ts";
import { DeviceError, InputError } from "../../shared/errors.ts";
import { readSource, type Source } from "./offered-files.ts";

export interface SenderOptions {
  readonly client: MqttClient;
  readonly topics: BankTopics;
  /** `<site>/<line>/<station>` */
  readonly target: string;
  /** null: nobody signs; only a device with `security.allowUnsigned` takes it. */
  readonly key: SigningKey | null;
  readonly keyId: string;
  readonly sources: ReadonlyMap<string, Source>;
  readonly signal: AbortSignal;
}

/** A station that is up has its state on the broker. */
const STATE_DEADLINE_MS = 15_000;
/** A document that nothing is heard of after so long is sent once more: the broker may have lost it. */
const AGAIN_MS = 10_000;
/** Blocks that are on their way; more are not asked for by a station. */
const MOST_ON_THEIR_WAY = 8;

/** One station's counterpart at the engineer's desk: sends a signed directive and the blocks that the station asks for. */
export class BankSender {
  readonly #options: SenderOptions;
  #state: BankStateDocument | null = null;
  /** What it said is nothing that this program understands. */
  #problem: InputError | null = null;
  #changed: () => void = () => undefined;
  #sending = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { client, topics } = this.#options;
    client.on("message", this.#hear);
    await client.subscribeAsync([topics.state, topics.get], { qos: 1 });
  }

  /** Blocks are not sent any more; what the station has, it keeps. */
  async stop(): Promise<void> {
    const { client, topics } = this.#options;
    client.off("message", this.#hear);
    if (client.connected) await client.unsubscribeAsync([topics.state, topics.get]);
  }

  readonly #hear = (topic: string, payload: Uint8Array): void => {
    const { topics } = this.#options;
    if (topic === topics.state) this.#heard(payload);
    else if (topic === topics.get) void this.#serve(payload);
  };

  /**
   * Signs and sends; then each state of the station that speaks of it goes to `onState`, until that says `true`.
   *
   * @throws InputError with the station's own code when it refuses, "bank-state" when what it says is not understood;
   *   DeviceError "station-silent"; the signal's reason
   */
  async send(directive: BankDirective, onState: (state: BankStateDocument, counter: number) => boolean): Promise<void> {
    const { client, topics, target, key, keyId, signal } = this.#options;
    const last = await this.#first();
    const counter = (last.counters[keyId] ?? 0) + 1;
    const envelope = signDocument({ type: "bank-offer", target, counter, body: directive }, key);
    const name = offerName(envelope);
    await client.publishAsync(topics.offer, envelope, { qos: 1 });
    let sentAtMs = performance.now();
    for (;;) {
      signal.throwIfAborted();
      if (this.#problem !== null) throw this.#problem;
      const state = this.#state;
      if (state?.refused?.offer === name) throw new InputError(state.refused.code, state.refused.message);
      const isKnown = state !== null && (state.delivery?.offer === name || (state.counters[keyId] ?? 0) >= counter);
      if (isKnown && onState(state, counter)) return;
      if (!isKnown && client.connected && performance.now() - sentAtMs > AGAIN_MS) {
        await client.publishAsync(topics.offer, envelope, { qos: 1 });
        sentAtMs = performance.now();
      }
      await this.#next(1_000);
    }
  }

  async #first(): Promise<BankStateDocument> {
    const endsAtMs = performance.now() + STATE_DEADLINE_MS;
    while (this.#state === null && this.#problem === null && performance.now() < endsAtMs) {
      this.#options.signal.throwIfAborted();
      await this.#next(200);
    }
    if (this.#problem !== null) throw this.#problem;
    if (this.#state !== null) return this.#state;
    const { topics } = this.#options;
    throw new DeviceError("station-silent", `Expected the station's ${topics.state} but nothing is on the broker`);
  }

  #heard(payload: Uint8Array): void {
    const state = parseState(payload);
    this.#problem = null;
    if (state === null) {
      const text = Buffer.from(payload).toString("utf8").slice(0, 80);
      this.#problem = new InputError("bank-state", `Expected version 1 of bank/state but the station says ${text}`);
    }
    this.#state = state;
    this.#changed();
  }

  async #serve(payload: Uint8Array): Promise<void> {
    const { client, topics, sources } = this.#options;
    if (this.#sending >= MOST_ON_THEIR_WAY) return;
    this.#sending++;
    try {
      const { transfer, offset, count } = parseGet(payload);
      const source = sources.get(transfer);
      if (source === undefined || count > 2 * BLOCK_BYTES) return;
      const content = await readSource(source, offset, count);
      if (content === null) return;
      await client.publishAsync(`${topics.blocks}/${transfer}/${offset}`, Buffer.from(content), { qos: 1 });
    } catch (error) {
      // A wish that cannot be understood, or a connection that was lost: the station asks again.
      if (!(error instanceof Error)) throw error;
    } finally {
      this.#sending--;
    }
  }

  /** Resolves when something is heard, and after `ms` at the latest. */
  #next(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** @returns null for what is no state of this version: anybody may publish on a broker without access rules */
function parseState(payload: Uint8Array): BankStateDocument | null {
  try {
    const state = JSON.parse(Buffer.from(payload).toString("utf8")) as Partial<BankStateDocument> | null;
    const isState = state?.version === 1 && typeof state.counters === "object" && state.delivery !== undefined;
    return isState ? (state as BankStateDocument) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
