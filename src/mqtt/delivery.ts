import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { BrokerConnection, BrokerLimits } from "./broker-connection.ts";
import type { Outbox, OutboxMessage } from "./outbox.ts";
import type { PictureSet, PublishedPicture } from "./picture-lane.ts";
import { PictureLane } from "./picture-lane.ts";
import { RetainedValues } from "./retained-values.ts";
import { SendWindow } from "./send-window.ts";
import type { StationTopics } from "./topics.ts";

export interface DeliveryOptions {
  readonly topics: StationTopics;
  readonly connection: BrokerConnection;
  readonly outbox: Outbox;
  readonly mqtt5: () => boolean;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** An answer to somebody: worth sending while the connection stands, and not later. */
interface Answer {
  readonly topic: string;
  readonly payload: string;
}

/** Header, topic and properties of a picture, bytes at most: a topic has some 120, a hash 64. */
const PICTURE_OVERHEAD_BYTES = 1_024;
/** Header and topic of any other packet, bytes at most. */
const PACKET_OVERHEAD_BYTES = 200;
/** Answers that wait for the broker at most. */
const LARGEST_WAITING_ANSWERS = 256;

/**
 * The order in which things leave. First `plc/state` and `status`, then answers and results, then the other retained
 * values, then records; pictures last, when no verdict waits. Everything is bounded, what does not fit is dropped and
 * counted.
 */
export class Delivery {
  readonly retained = new RetainedValues();
  readonly #options: DeliveryOptions;
  readonly #pictures = new PictureLane();
  readonly #window = new SendWindow();
  #answers: Answer[] = [];
  #limits: BrokerLimits = { receiveMaximum: 65_535, maximumPacketSize: Infinity };
  #refused = 0;
  #answersLost = 0;
  #historyTimer: NodeJS.Timeout | null = null;
  /** Called after each acknowledgement and at the loss of the connection. */
  #onProgress: () => void = () => undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    options.outbox.listen(() => this.pump());
  }

  counters(): {
    readonly refused: number;
    readonly answersLost: number;
    readonly picturesSent: number;
    readonly picturesDropped: number;
  } {
    const { sent, dropped } = this.#pictures;
    return {
      refused: this.#refused,
      answersLost: this.#answersLost,
      picturesSent: sent,
      picturesDropped: dropped,
    };
  }

  connected(limits: BrokerLimits): void {
    this.#limits = limits;
    this.#window.open(limits.receiveMaximum);
    this.#options.outbox.connected();
    this.retained.forgetSent();
    this.pump();
  }

  disconnected(): void {
    this.#window.clear();
    this.#options.outbox.disconnected();
    this.#pictures.disconnected();
    // Whoever asked will ask again: a PLC sends its trigger again, and is answered then.
    this.#answersLost += this.#answers.length;
    this.#answers = [];
    this.#clearHistoryTimer();
    this.#onProgress();
  }

  answer(topic: string, payload: string): void {
    if (!this.#options.connection.up || this.#answers.length >= LARGEST_WAITING_ANSWERS) this.#answersLost++;
    else this.#answers.push({ topic, payload });
    this.pump();
  }

  addPictures(pictures: PictureSet): void {
    const largest = Math.max(pictures.mask?.data.length ?? 0, pictures.overlay?.data.length ?? 0);
    const fits = largest + PICTURE_OVERHEAD_BYTES <= this.#limits.maximumPacketSize;
    if (!this.#options.connection.up || !fits) this.#pictures.drop();
    else this.#pictures.add(pictures);
    this.pump();
  }

  countDroppedPictures(): void {
    this.#pictures.drop();
  }

  /** How long the oldest publication waits for the broker, ms. */
  oldestWaitMs(): number {
    return this.#window.oldestWaitMs(this.#options.clock.monotonicMs());
  }

  /** Everything that is worth waiting for was sent and answered; the history goes on in the next run. */
  get settled(): boolean {
    const { resultsOpen } = this.#options.outbox.counts();
    return this.#window.size === 0 && resultsOpen === 0;
  }

  /** @returns whether `condition` came true while connected and within the time */
  waitFor(condition: () => boolean, deadlineMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#onProgress = () => undefined;
        resolve(this.#options.connection.up && condition());
      };
      const timer = setTimeout(finish, deadlineMs);
      this.#onProgress = () => {
        if (condition() || !this.#options.connection.up) finish();
      };
      this.#onProgress();
    });
  }

  close(): void {
    this.#clearHistoryTimer();
  }

  /** Sends what may leave now, in order of importance. */
  pump(): void {
    if (!this.#options.connection.up) return;
    while (
      this.#sendRetained(true) ||
      this.#sendAnswer() ||
      this.#sendOutbox(true) ||
      this.#sendRetained(false) ||
      this.#sendOutbox(false)
    );
    this.#sendPictures();
    this.#awaitHistory();
  }

  #sendRetained(urgent: boolean): boolean {
    const message = this.retained.next({ urgent, qos1: this.#window.hasRoom });
    if (message === undefined) return false;
    const options = { qos: message.qos, retain: true };
    if (message.qos === 1) this.#sendAcknowledged(message.topic, message.payload, true, null);
    else this.#options.connection.publish(message.topic, message.payload, options);
    return true;
  }

  #sendAnswer(): boolean {
    const answer = this.#window.hasRoom ? this.#answers.shift() : undefined;
    if (answer === undefined) return false;
    this.#sendAcknowledged(answer.topic, answer.payload, false, null);
    return true;
  }

  #sendOutbox(results: boolean): boolean {
    const { outbox, topics, clock } = this.#options;
    const allow = {
      result: results && this.#window.hasRoom,
      record: !results && this.#window.hasRoomForRecord,
    };
    const message = outbox.next(allow, clock.monotonicMs());
    if (message === undefined) return false;
    const topic = message.kind === "result" ? topics.plcResult : topics.inspection;
    this.#sendAcknowledged(topic, bytesOf(message.payload), false, message);
    message.sent(clock.wallMs());
    return true;
  }

  #sendAcknowledged(topic: string, payload: string | Buffer, retain: boolean, held: OutboxMessage | null): void {
    const { connection, outbox, clock } = this.#options;
    const bytes = Buffer.byteLength(payload) + PACKET_OVERHEAD_BYTES;
    if (bytes > this.#limits.maximumPacketSize) {
      // The broker would hang up, and again with each attempt: then nothing else would arrive either.
      if (held !== null) outbox.acknowledged(held.key);
      this.#noteRefusal(topic, `it takes packets of ${this.#limits.maximumPacketSize} bytes, this one has ${bytes}`);
      return;
    }
    const number = this.#window.sent(held?.kind === "record", clock.monotonicMs());
    connection.publish(topic, payload, { qos: 1, retain }, (refusal) => {
      this.#window.answered(number);
      // A refused message would be refused again: it counts as delivered, and as refused.
      if (held !== null) outbox.acknowledged(held.key);
      if (refusal !== null) this.#noteRefusal(topic, refusal);
      this.pump();
      this.#onProgress();
    });
  }

  #noteRefusal(topic: string, refusal: string): void {
    // The first is logged; `refused` in the state counts the others.
    if (this.#refused++ === 0) {
      this.#options.logger.error({ topic, refusal }, "The broker refused a publication; check its access rules");
    }
  }

  #sendPictures(): void {
    const { outbox, connection, topics } = this.#options;
    if (outbox.resultWaiting || connection.backedUp) return;
    const pictures = this.#pictures.next((ordinal) => !outbox.resultOpen(ordinal));
    if (pictures === undefined) return;
    if (pictures.mask !== undefined) this.#sendPicture(topics.imageMask, pictures, pictures.mask);
    if (pictures.overlay !== undefined) this.#sendPicture(topics.imageOverlay, pictures, pictures.overlay);
    connection.roundTrip(() => {
      this.#pictures.through();
      this.pump();
    });
  }

  #sendPicture(topic: string, { seq, verdict }: PictureSet, picture: PublishedPicture): void {
    const { data, contentType, sha256 } = picture;
    const properties = { contentType, userProperties: { seq: String(seq), verdict, sha256 } };
    this.#options.connection.publish(topic, bytesOf(data), {
      qos: 0,
      ...(this.#options.mqtt5() ? { properties } : {}),
    });
  }

  /** The history leaves at a limited rate; nothing else may wake us while it waits for its time. */
  #awaitHistory(): void {
    const dueMs = this.#options.outbox.historyDueMs;
    if (dueMs === null || this.#historyTimer !== null) return;
    const waitMs = Math.max(1, dueMs - this.#options.clock.monotonicMs());
    this.#historyTimer = setTimeout(() => {
      this.#historyTimer = null;
      this.pump();
    }, waitMs);
  }

  #clearHistoryTimer(): void {
    if (this.#historyTimer !== null) clearTimeout(this.#historyTimer);
    this.#historyTimer = null;
  }
}

function bytesOf(payload: string | Uint8Array): string | Buffer {
  if (typeof payload === "string") return payload;
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
