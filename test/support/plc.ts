import { connect, type MqttClient } from "mqtt";
import { parseResult, type PlcResult } from "../../src/mqtt/payloads.ts";
import type { StateDocument } from "../../src/mqtt/state-document.ts";

const ROOT = "nominal/v1/test/line1/st1";
/** A trigger without a result is sent again after this, as a PLC does. */
const REPEAT_AFTER_MS = 3_000;
/** How often the PLC looks for such triggers, and how many it sends again at a time. */
const REPEAT_EVERY_MS = 500;
const REPEATED_AT_ONCE = 10;

interface Sent {
  readonly seq: number;
  lastAtMs: number;
  /** `plc/accepted`; null: not answered. */
  code: string | null;
  result: PlcResult | null;
}

/**
 * A PLC that keeps to its duties (README, "Wiring a PLC"): one session, a growing seq, an acknowledgement for each result,
 * and a trigger without a result is sent again. It comes back after a restart of the broker.
 */
export class Plc {
  readonly session: string;
  /** In the order in which they came, copies too. */
  readonly results: PlcResult[] = [];
  readonly states: StateDocument[] = [];
  readonly #sent = new Map<number, Sent>();
  readonly #client: MqttClient;
  readonly #timer: NodeJS.Timeout;
  #status = "0";
  #plcState = "1";
  #seq = 0;

  constructor(url: string, session: string) {
    this.session = session;
    this.#client = connect(url, { protocolVersion: 4, reconnectPeriod: 50, clean: true, queueQoSZero: false });
    this.#client.on("error", () => undefined);
    this.#client.on("connect", () => void this.#client.subscribe(`${ROOT}/#`, { qos: 1 }, () => undefined));
    this.#client.on("close", () => (this.#status = "0"));
    this.#client.on("message", (topic, payload) => this.#hear(topic.slice(ROOT.length + 1), payload));
    this.#timer = setInterval(() => this.#repeat(), REPEAT_EVERY_MS);
  }

  /** The station is there; it may be faulty. */
  get online(): boolean {
    return this.#status === "1";
  }

  get plcState(): string {
    return this.#plcState;
  }

  get sent(): readonly Sent[] {
    return [...this.#sent.values()];
  }

  /** Triggers of which the PLC does not know how they ended. */
  get open(): readonly Sent[] {
    return this.sent.filter(({ code, result }) => result === null && (code === null || code === "0000"));
  }

  trigger(): void {
    const sent = { seq: ++this.#seq, lastAtMs: 0, code: null, result: null };
    this.#sent.set(sent.seq, sent);
    this.#send(sent);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#client.end(true);
  }

  #send(sent: Sent): void {
    sent.lastAtMs = performance.now();
    // QoS 0: what is lost is sent again by us, and not by the client under its own rules.
    this.#client.publish(`${ROOT}/plc/trigger`, `${this.session};${sent.seq};part-${sent.seq};`, { qos: 0 });
  }

  #repeat(): void {
    if (!this.online) return;
    const dueMs = performance.now() - REPEAT_AFTER_MS;
    for (const sent of this.open.filter(({ lastAtMs }) => lastAtMs < dueMs).slice(0, REPEATED_AT_ONCE))
      this.#send(sent);
  }

  #hear(topic: string, payload: Buffer): void {
    switch (topic) {
      case "status":
        this.#status = payload.toString();
        return;
      case "plc/state":
        this.#plcState = payload.toString();
        return;
      case "plc/accepted":
        this.#accepted(payload.toString());
        return;
      case "plc/result":
        this.#result(parseResult(payload));
        return;
      case "state":
        this.states.push(JSON.parse(payload.toString()) as StateDocument);
        return;
      default:
        return;
    }
  }

  #accepted(text: string): void {
    const [session = "", seq, code = ""] = text.split(";");
    const sent = this.#sent.get(Number(seq));
    if (session.trim() === this.session && sent !== undefined) sent.code = code;
  }

  #result(result: PlcResult): void {
    if (result.session !== this.session) return;
    this.results.push(result);
    const sent = this.#sent.get(result.seq);
    if (sent !== undefined) sent.result ??= result;
    this.#client.publish(`${ROOT}/plc/ack`, `${result.session};${result.seq}`, { qos: 0 });
  }
}
