import type { BrokerConfig } from "../config/config.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { Outcome } from "../station/outcome.ts";
import type { PlcState } from "../station/plc-state.ts";
import type { BrokerLimits, BrokerStatus, Subscription } from "./broker-connection.ts";
import { BrokerConnection } from "./broker-connection.ts";
import type { Outbox } from "./outbox.ts";
import { MemoryOutbox } from "./outbox.ts";
import { formatHeartbeat, NO_BANK_TAG, outcomeTags, plcResultOf } from "./payloads.ts";
import type { PictureSet, PublishedPicture } from "./picture-lane.ts";
import { PictureLane } from "./picture-lane.ts";
import type { InspectionRecord } from "./record.ts";
import { serializeRecord } from "./record.ts";
import { RetainedValues } from "./retained-values.ts";
import { SendWindow } from "./send-window.ts";
import type { SessionCounters } from "./session-counters.ts";
import type { StateDocument } from "./state-document.ts";
import type { StationIdentity, StationTopics } from "./topics.ts";
import { checkSegment, stationTopics } from "./topics.ts";

export interface SessionOptions {
  readonly identity: StationIdentity;
  readonly device: string;
  /** 8 hex digits, drawn at the start of the daemon. */
  readonly boot: string;
  readonly broker: BrokerConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  /** In memory when absent. */
  readonly outbox?: Outbox;
  readonly subscriptions?: readonly Subscription[];
  readonly heartbeatMs?: number;
  readonly backoff?: { readonly firstMs: number; readonly largestMs: number };
}

/** A broker that owes an acknowledgement this long is stuck, however well it answers pings, ms. */
const ACKNOWLEDGEMENT_DEADLINE_MS = 30_000;
/** Room for topic and properties beside a picture, bytes. */
const PACKET_OVERHEAD_BYTES = 1_024;
const DEFAULT_BACKOFF = { firstMs: 500, largestMs: 30_000 };

/**
 * One station on the broker: its connection, will and heartbeat, and the order in which things leave. First
 * `plc/state` and `status`, then results, then the other retained values, then records; pictures last, when no
 * verdict waits. Everything is bounded, what does not fit is dropped and counted.
 */
export class StationSession {
  readonly #options: SessionOptions;
  readonly #topics: StationTopics;
  readonly #connection: BrokerConnection;
  readonly #outbox: Outbox;
  readonly #retained = new RetainedValues();
  readonly #pictures = new PictureLane();
  readonly #window = new SendWindow();
  #limits: BrokerLimits = { receiveMaximum: 65_535, maximumPacketSize: Infinity };
  #plcState: PlcState = "1";
  #heartbeatTimer: NodeJS.Timeout | null = null;
  #heartbeat = 0;
  #connects = 0;
  #refused = 0;
  #tagsDropped = 0;
  #heartbeatsSkipped = 0;
  #closing: Promise<void> | null = null;
  /** Called after each acknowledgement and at the loss of the connection, while closing. */
  #onProgress: () => void = () => undefined;

  /** @throws ConfigError "topic-segment" */
  constructor(options: SessionOptions) {
    this.#options = options;
    const { site, line, station } = options.identity;
    this.#topics = stationTopics(options.identity);
    this.#outbox = options.outbox ?? new MemoryOutbox();
    this.#connection = new BrokerConnection({
      broker: options.broker,
      clientId: ["nominald", site, line, station, checkSegment("device", options.device)].join("-"),
      will: { topic: this.#topics.status, payload: "0" },
      subscriptions: options.subscriptions ?? [],
      logger: options.logger,
      clock: options.clock,
      random: options.random,
      backoff: options.backoff ?? DEFAULT_BACKOFF,
      onUp: (limits) => this.#greet(limits),
      onDown: () => this.#disconnected(),
    });
    // In the order of sending: whoever sees status 1 finds a plc/state of this run.
    this.#retained.set(this.#topics.plcState, this.#plcState, { qos: 1, urgent: true });
    this.#retained.set(this.#topics.status, "1", { qos: 1, urgent: true });
    this.#retained.set(this.#topics.tag.bank, NO_BANK_TAG, { qos: 0, urgent: false });
    this.#setTotals({ total: 0, ng: 0 });
  }

  get topics(): StationTopics {
    return this.#topics;
  }

  /** Begins to connect; a broker that is away is no error but a `status()`. */
  start(): void {
    if (this.#heartbeatTimer !== null || this.#closing !== null) return;
    this.#heartbeatTimer = setInterval(() => this.#beat(), this.#options.heartbeatMs ?? 1_000);
    this.#connection.start();
  }

  /**
   * Sends what is open, then `status` 0, and leaves. When the broker does not take all of it in time the
   * connection is cut, so that the will says the same.
   */
  close(deadlineMs = 2_000): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  status(): BrokerStatus {
    return this.#connection.status();
  }

  counters(): SessionCounters {
    return {
      connects: this.#connects,
      ...this.#outbox.counts(),
      refused: this.#refused,
      picturesSent: this.#pictures.sent,
      picturesDropped: this.#pictures.dropped,
      tagsDropped: this.#tagsDropped,
      heartbeatsSkipped: this.#heartbeatsSkipped,
    };
  }

  /**
   * @param totals the station's outcomes so far, and how many of them were FAIL
   * @returns Unix ms at which the result was handed to the connection; null when it has to wait
   */
  publishOutcome(outcome: Outcome, totals: { readonly total: number; readonly ng: number }): number | null {
    const slow = this.#connection.backedUp;
    const result = plcResultOf(outcome, this.#options.boot);
    this.#outbox.addResult(result);
    this.#setTotals(totals);
    this.#pump();
    for (const [name, value] of Object.entries(outcomeTags(result))) {
      this.#publishTag(`${this.#topics.root}/tag/${name}`, value, slow);
    }
    return this.#connection.up && !this.#outbox.resultWaiting ? this.#options.clock.wallMs() : null;
  }

  /** @throws InputError "record-size" */
  publishRecord(record: InspectionRecord): void {
    this.#outbox.addRecord(serializeRecord(record));
    this.#pump();
  }

  /** After `publishOutcome` of the same part. Dropped and counted when verdicts need the way. */
  publishPictures(pictures: PictureSet): void {
    const largest = Math.max(pictures.mask?.data.length ?? 0, pictures.overlay?.data.length ?? 0);
    const fits = largest + PACKET_OVERHEAD_BYTES <= this.#limits.maximumPacketSize;
    if (!this.#connection.up || !fits) this.#pictures.drop();
    else this.#pictures.add(pictures);
    this.#pump();
  }

  setPlcState(state: PlcState): void {
    this.#plcState = state;
    this.#retained.set(this.#topics.plcState, state, { qos: 1, urgent: true });
    this.#pump();
  }

  setState(document: StateDocument): void {
    this.#retained.set(this.#topics.state, JSON.stringify(document), { qos: 1, urgent: false });
    this.#pump();
  }

  setBank(bankId: string | null): void {
    this.#retained.set(this.#topics.tag.bank, bankId ?? NO_BANK_TAG, { qos: 0, urgent: false });
    this.#pump();
  }

  #setTotals(totals: { readonly total: number; readonly ng: number }): void {
    this.#retained.set(this.#topics.tag.total, String(totals.total), { qos: 0, urgent: false });
    this.#retained.set(this.#topics.tag.ng, String(totals.ng), { qos: 0, urgent: false });
  }

  #greet(limits: BrokerLimits): void {
    this.#limits = limits;
    this.#connects++;
    this.#window.open(limits.receiveMaximum);
    this.#outbox.connected();
    this.#retained.forgetSent();
    this.#pump();
  }

  #disconnected(): void {
    this.#window.clear();
    this.#outbox.disconnected();
    this.#pictures.disconnected();
    this.#onProgress();
  }

  /** Sends what may leave now, in order of importance. */
  #pump(): void {
    if (!this.#connection.up) return;
    while (this.#sendRetained(true) || this.#sendResult() || this.#sendRetained(false) || this.#sendRecord());
    this.#sendPictures();
  }

  #sendRetained(urgent: boolean): boolean {
    const message = this.#retained.next({ urgent, qos1: this.#window.hasRoom });
    if (message === undefined) return false;
    const options = { qos: message.qos, retain: true };
    if (message.qos === 1) this.#sendAcknowledged(message.topic, message.payload, true, null);
    else this.#connection.publish(message.topic, message.payload, options);
    return true;
  }

  #sendResult(): boolean {
    const message = this.#outbox.next({ result: this.#window.hasRoom, record: false });
    if (message === undefined) return false;
    this.#sendAcknowledged(this.#topics.plcResult, message.payload, false, { key: message.key, record: false });
    return true;
  }

  #sendRecord(): boolean {
    const message = this.#outbox.next({ result: false, record: this.#window.hasRoomForRecord });
    if (message === undefined) return false;
    this.#sendAcknowledged(this.#topics.inspection, message.payload, false, { key: message.key, record: true });
    return true;
  }

  #sendAcknowledged(
    topic: string,
    payload: string | Buffer,
    retain: boolean,
    held: { readonly key: number; readonly record: boolean } | null,
  ): void {
    const number = this.#window.sent(held?.record ?? false, this.#options.clock.monotonicMs());
    this.#connection.publish(topic, payload, { qos: 1, retain }, (refusal) => {
      this.#window.answered(number);
      // A refused message would be refused again: it counts as delivered, and as refused.
      if (held !== null) this.#outbox.acknowledged(held.key);
      if (refusal !== null) this.#noteRefusal(topic, refusal);
      this.#pictures.acknowledged(number);
      this.#pump();
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
    if (this.#outbox.resultWaiting || this.#connection.backedUp) return;
    const pictures = this.#pictures.next(this.#window.sentCount, (seq) => !this.#outbox.resultOpen(seq));
    if (pictures === undefined) return;
    if (pictures.mask !== undefined) this.#sendPicture(this.#topics.imageMask, pictures, pictures.mask);
    if (pictures.overlay !== undefined) this.#sendPicture(this.#topics.imageOverlay, pictures, pictures.overlay);
  }

  #sendPicture(topic: string, { seq, verdict }: PictureSet, picture: PublishedPicture): void {
    const { data, contentType, sha256 } = picture;
    const payload = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const properties = { contentType, userProperties: { seq: String(seq), verdict, sha256 } };
    const mqtt5 = this.#options.broker.version === "5";
    this.#connection.publish(topic, payload, { qos: 0, ...(mqtt5 ? { properties } : {}) });
  }

  #publishTag(topic: string, value: string, slow: boolean): void {
    if (slow || !this.#connection.up) this.#tagsDropped++;
    else this.#connection.publish(topic, value, { qos: 0 });
  }

  /** The counter goes on when a beat cannot leave, so that a gap shows how long. */
  #beat(): void {
    this.#heartbeat++;
    const payload = formatHeartbeat(this.#heartbeat, this.#plcState);
    if (!this.#connection.up || this.#connection.backedUp) this.#heartbeatsSkipped++;
    else this.#connection.publish(this.#topics.plcHeartbeat, payload, { qos: 0 });
    const waitedMs = this.#window.oldestWaitMs(this.#options.clock.monotonicMs());
    if (waitedMs > ACKNOWLEDGEMENT_DEADLINE_MS) {
      this.#connection.abandon("broker-silent", `no acknowledgement for ${Math.round(waitedMs)} ms`);
    }
  }

  async #close(deadlineMs: number): Promise<void> {
    const endsAtMs = this.#options.clock.monotonicMs() + deadlineMs;
    const leftMs = (): number => Math.max(0, endsAtMs - this.#options.clock.monotonicMs());
    if (this.#heartbeatTimer !== null) clearInterval(this.#heartbeatTimer);
    const empty = (): boolean => this.#window.size === 0 && this.#nothingWaits();
    const sent = await this.#settled(empty, leftMs() / 2);
    this.#retained.set(this.#topics.status, "0", { qos: 1, urgent: true });
    this.#pump();
    const told = await this.#settled(empty, leftMs() / 2);
    await this.#connection.close(told, leftMs());
    const { resultsOpen, recordsOpen } = this.#outbox.counts();
    if (!sent && resultsOpen + recordsOpen > 0) {
      this.#options.logger.warn({ resultsOpen, recordsOpen }, "Closed with results or records that no broker has");
    }
  }

  #nothingWaits(): boolean {
    const { resultsOpen, recordsOpen } = this.#outbox.counts();
    return resultsOpen + recordsOpen === 0;
  }

  /** @returns whether `condition` came true while connected and within the time */
  #settled(condition: () => boolean, deadlineMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#onProgress = () => undefined;
        resolve(this.#connection.up && condition());
      };
      const timer = setTimeout(finish, deadlineMs);
      this.#onProgress = () => {
        if (condition() || !this.#connection.up) finish();
      };
      this.#onProgress();
    });
  }
}
