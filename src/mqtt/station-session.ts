import type { BrokerConfig } from "../config/config.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { Outcome } from "../station/outcome.ts";
import type { PlcState } from "../station/plc-state.ts";
import type { ReasonName } from "../station/reasons.ts";
import type { BrokerStatus } from "./broker-connection.ts";
import { BrokerConnection } from "./broker-connection.ts";
import { Delivery } from "./delivery.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Outbox } from "./outbox.ts";
import { plcResultOf } from "./payloads.ts";
import type { PictureSet } from "./picture-lane.ts";
import type { PartName } from "./plc-payloads.ts";
import { formatAccepted } from "./plc-payloads.ts";
import type { InspectionRecord } from "./record.ts";
import { serializeRecord } from "./record.ts";
import type { SessionCounters } from "./session-counters.ts";
import type { StateDocument } from "./state-document.ts";
import type { InboxListener } from "./station-inbox.ts";
import { StationInbox } from "./station-inbox.ts";
import { StationTags } from "./station-tags.ts";
import type { Subscription } from "./subscriptions.ts";
import type { StationIdentity, StationTopics } from "./topics.ts";
import { checkSegment, stationTopics } from "./topics.ts";
import type { TwinReport, TwinTryAnswer } from "./twin-payloads.ts";
import { twinSubscriptions, type TwinListener } from "./twin-subscriptions.ts";

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
  /** Who takes configurations that are pushed; absent: nobody listens for them. */
  readonly twin?: TwinListener;
  /** systemd's $CREDENTIALS_DIRECTORY. */
  readonly credentialsFolder?: string | null;
  readonly credentialCheckMs?: number;
  readonly heartbeatMs?: number;
  /** A broker that owes an acknowledgement longer than this is replaced by a new connection. */
  readonly acknowledgementDeadlineMs?: number;
  readonly backoff?: { readonly firstMs: number; readonly largestMs: number };
}

const HEARTBEAT_MS = 1_000;
/** A broker that owes an acknowledgement this long is stuck, however well it answers pings, ms. */
const ACKNOWLEDGEMENT_DEADLINE_MS = 30_000;
/** An acknowledgement that takes so long shows that the way to the broker is narrow, ms. */
const BEHIND_MS = 200;

/**
 * One station on the broker: its connection, will and heartbeat, what it says and what it is told. What waits, and in
 * which order it leaves, is the delivery's affair.
 */
export class StationSession {
  readonly #options: SessionOptions;
  readonly #topics: StationTopics;
  readonly #connection: BrokerConnection;
  readonly #outbox: Outbox;
  readonly #delivery: Delivery;
  readonly #inbox: StationInbox;
  readonly #tags: StationTags;
  readonly #heartbeat: Heartbeat;
  #plcState: PlcState = "1";
  #closing: Promise<void> | null = null;
  #broker: BrokerConfig;

  /** @throws ConfigError "topic-segment" */
  constructor(options: SessionOptions) {
    this.#options = options;
    this.#broker = options.broker;
    const { broker, logger, clock, random, twin } = options;
    const { site, line, station } = options.identity;
    this.#topics = stationTopics(options.identity);
    this.#outbox = options.outbox ?? new Outbox();
    const answer = (name: string, text: object): void =>
      this.#delivery.answer(`${this.#topics.command}/${name}/res`, JSON.stringify(text));
    this.#inbox = new StationInbox(this.#topics, answer, logger);
    this.#connection = new BrokerConnection({
      broker,
      clientId: ["nominald", site, line, station, checkSegment("device", options.device)].join("-"),
      will: { topic: this.#topics.status, payload: "0" },
      credentialsFolder: options.credentialsFolder ?? null,
      credentialCheckMs: options.credentialCheckMs,
      subscriptions: [
        ...this.#inbox.subscriptions(),
        ...(twin === undefined
          ? []
          : twinSubscriptions({ desired: this.#topics.twinDesired, try: this.#topics.twinTry }, twin)),
        ...(options.subscriptions ?? []),
      ],
      logger,
      clock,
      random,
      backoff: options.backoff,
      onUp: (limits) => this.#delivery.connected(limits),
      onDown: () => this.#delivery.disconnected(),
    });
    this.#delivery = new Delivery({
      topics: this.#topics,
      connection: this.#connection,
      outbox: this.#outbox,
      mqtt5: () => this.#broker.version === "5",
      logger,
      clock,
    });
    // In the order of sending: whoever sees status 1 finds a plc/state of this run.
    this.#retain(this.#topics.plcState, this.#plcState, true);
    this.#retain(this.#topics.status, "1", true);
    this.#tags = new StationTags({
      ...{ topics: this.#topics.tag, connection: this.#connection, retained: this.#delivery.retained },
    });
    this.#heartbeat = new Heartbeat({
      ...{ topic: this.#topics.plcHeartbeat, connection: this.#connection, plcState: () => this.#plcState },
      everyMs: options.heartbeatMs ?? HEARTBEAT_MS,
      onBeat: () => this.#watchAcknowledgements(),
    });
  }

  get topics(): StationTopics {
    return this.#topics;
  }

  /** Who acts on triggers, acknowledgements and commands; before `start`. */
  listen(listener: Omit<InboxListener, "acknowledged">): void {
    this.#inbox.listen({
      trigger: (trigger) => listener.trigger(trigger),
      malformedTrigger: (name) => listener.malformedTrigger(name),
      command: (name, args) => listener.command(name, args),
      acknowledged: ({ session, seq }) => this.#outbox.acknowledgedByPlc(session, seq),
    });
  }

  /** Begins to connect; a broker that is away is no error but a `status()`. */
  start(): void {
    if (this.#closing !== null) return;
    this.#heartbeat.start();
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

  /** Connects anew, as `broker` says; what is open waits for the new connection. */
  reconfigure(broker: BrokerConfig): void {
    this.#broker = broker;
    this.#connection.reconfigure(broker);
  }

  /** Looks at once whether a certificate, key or password was renewed. */
  checkCredentials(): void {
    this.#connection.checkCredentials();
  }

  status(): BrokerStatus {
    return this.#connection.status();
  }

  counters(): SessionCounters {
    return {
      connects: this.#connection.connects,
      ...this.#outbox.counts(),
      ...this.#delivery.counters(),
      tagsDropped: this.#tags.dropped,
      heartbeatsSkipped: this.#heartbeat.skipped,
      inbox: this.#inbox.counters(),
    };
  }

  /** `plc/accepted`. */
  answerTrigger(name: PartName, refusal: ReasonName | null): void {
    this.#delivery.answer(this.#topics.plcAccepted, formatAccepted(name, refusal));
  }

  /**
   * @param totals the station's outcomes so far, and how many of them were FAIL
   * @param told called once: Unix ms at which the result was handed to the connection, null when it has to wait for one
   */
  publishOutcome(
    outcome: Outcome,
    totals: { readonly total: number; readonly ng: number },
    told: (publishedAtWallMs: number | null) => void = () => undefined,
  ): void {
    const isSlow = this.#connection.backedUp;
    const result = plcResultOf(outcome, this.#options.boot);
    this.#outbox.addResult(result, outcome.ordinal, told);
    this.#tags.setTotals(totals);
    this.#delivery.pump();
    this.#tags.publishOutcome(result, outcome.recipe, isSlow);
  }

  /** The result of a trigger that came again. */
  resendOutcome(session: string, seq: number): void {
    this.#outbox.resultAgain(session, seq);
    this.#delivery.pump();
  }

  /** @throws InputError "record-size" */
  publishRecord(record: InspectionRecord): void {
    this.#outbox.addRecord(serializeRecord(record));
    this.#delivery.pump();
  }

  /** After `publishOutcome` of the same part. Dropped and counted when verdicts need the way. */
  publishPictures(pictures: PictureSet): void {
    this.#delivery.addPictures(pictures);
  }

  /** The pictures of a part gave way to a newer frame before they came here; counted with those dropped here. */
  picturesLost(): void {
    this.#delivery.countDroppedPictures();
  }

  setPlcState(state: PlcState): void {
    this.#plcState = state;
    this.#retain(this.#topics.plcState, state, true);
  }

  setState(document: StateDocument): void {
    this.#retain(this.#topics.state, JSON.stringify(document));
  }

  /** `twin/reported` */
  report(report: TwinReport): void {
    this.#retain(this.#topics.twinReported, JSON.stringify(report));
  }

  answerTry(answer: TwinTryAnswer): void {
    this.#delivery.answer(this.#topics.twinTried, JSON.stringify(answer));
  }

  setBank(bankId: string | null): void {
    this.#tags.setBank(bankId);
    this.#delivery.pump();
  }

  /** The broker forgets what it keeps of the station, but for what tells a PLC that it is not there. Before `close`. */
  clearRetained(): void {
    this.#delivery.retained.clear([this.#topics.status, this.#topics.plcState]);
    this.#delivery.pump();
  }

  /** `bank/state`. */
  setBankState(document: object): void {
    this.#retain(this.#topics.bank.state, JSON.stringify(document));
  }

  /** `bank/flip`. Dropped when verdicts need the way: `bank/state` counts it all the same. */
  publishFlip(document: object): void {
    if (!this.#connection.up || this.#connection.backedUp || this.behind) return;
    this.#connection.publish(this.#topics.bank.flip, JSON.stringify(document), { qos: 0 });
  }

  /** Results or records wait longer than usual for the broker: whatever can wait should. */
  get behind(): boolean {
    return this.#delivery.oldestWaitMs() > BEHIND_MS;
  }

  /** QoS 1. @param isUrgent it goes before results */
  #retain(topic: string, payload: string, isUrgent = false): void {
    this.#delivery.retained.set(topic, payload, { qos: 1, urgent: isUrgent });
    this.#delivery.pump();
  }

  #watchAcknowledgements(): void {
    const waitedMs = this.#delivery.oldestWaitMs();
    if (waitedMs <= (this.#options.acknowledgementDeadlineMs ?? ACKNOWLEDGEMENT_DEADLINE_MS)) return;
    this.#connection.abandon("broker-silent", `no acknowledgement for ${Math.round(waitedMs)} ms`);
  }

  async #close(deadlineMs: number): Promise<void> {
    const endsAtMs = this.#options.clock.monotonicMs() + deadlineMs;
    const leftMs = (): number => Math.max(0, endsAtMs - this.#options.clock.monotonicMs());
    this.#heartbeat.stop();
    const empty = (): boolean => this.#delivery.settled;
    const sent = await this.#delivery.waitFor(empty, leftMs() / 2);
    this.#retain(this.#topics.status, "0", true);
    const told = await this.#delivery.waitFor(empty, leftMs() / 2);
    this.#delivery.close();
    await this.#connection.close(told, leftMs());
    const { resultsOpen, recordsOpen } = this.#outbox.counts();
    if (!sent && resultsOpen + recordsOpen > 0) {
      this.#options.logger.warn({ resultsOpen, recordsOpen }, "Closed with results or records that no broker has");
    }
  }
}
