import { createHash } from "node:crypto";
import { connectAsync, type MqttClient } from "mqtt";
import { parseResult, type PlcResult } from "../../mqtt/payloads.ts";
import type { InspectionRecord } from "../../mqtt/record.ts";
import type { StateDocument } from "../../mqtt/state-document.ts";
import { stationTopics, type StationIdentity } from "../../mqtt/topics.ts";
import { DeviceError } from "../../shared/errors.ts";

/** All that the subscriber has of one part; filled as the messages come. */
export interface ReceivedPart {
  readonly result: PlcResult;
  /** Unix ms at which `plc/result` came. */
  readonly receivedAtMs: number;
  record?: InspectionRecord;
  mask?: Uint8Array;
  overlay?: Uint8Array;
}

export interface LineSubscriberOptions {
  readonly url: string;
  readonly identity: StationIdentity;
  readonly onResult: (part: ReceivedPart) => void;
  readonly onRecord: (part: ReceivedPart) => void;
  /** A message that breaks the contract; the demo has failed then. */
  readonly onBroken: (problem: string) => void;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * What a PLC and a dashboard would see: a client of its own on the broker, which knows of the daemon only what the
 * topics say. A picture is assigned to its part by the SHA-256 that the part's record names.
 */
export class LineSubscriber {
  readonly parts = new Map<number, ReceivedPart>();
  /** Every `plc/state` in order of arrival. */
  readonly states: string[] = [];
  /** Parts whose pictures gave way to verdicts, as the station's `state` counts them. */
  picturesDropped = 0;
  readonly #options: LineSubscriberOptions;
  /** Pictures whose record has not come yet, since they travel on connections of their own. Masks of good parts are equal. */
  readonly #unclaimed: { readonly kind: "mask" | "overlay"; readonly sha256: string; readonly data: Uint8Array }[] = [];
  readonly #clients: MqttClient[] = [];

  constructor(options: LineSubscriberOptions) {
    this.#options = options;
  }

  /** @throws DeviceError "broker-unreachable" */
  async start(): Promise<void> {
    const { url, identity } = this.#options;
    try {
      const { plcResult, plcState, inspection, state, imageMask, imageOverlay } = stationTopics(identity);
      // aedes loses one of two QoS 0 messages that one client gets at once, so each kind of picture has its own client.
      for (const topics of [[plcResult, plcState, inspection, state], [imageMask], [imageOverlay]]) {
        const client = await connectAsync(
          url,
          { protocolVersion: 4, connectTimeout: CONNECT_TIMEOUT_MS, reconnectPeriod: 0 },
          false,
        );
        this.#clients.push(client);
        client.on("message", (topic, payload) => this.#onMessage(topic, payload));
        // A connection that breaks later shows as parts that do not come.
        client.on("error", (error) => this.#options.onBroken(`connection to ${url}: ${error.message}`));
        await client.subscribeAsync(topics, { qos: 1 });
      }
    } catch (error) {
      throw new DeviceError(
        "broker-unreachable",
        `Expected an MQTT broker at ${url} but: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  /** Parts with result and record. */
  recorded(): number {
    return [...this.parts.values()].filter(({ record }) => record !== undefined).length;
  }

  /** Parts with result, record and every picture that the record names. */
  complete(): number {
    return [...this.parts.values()].filter(isComplete).length;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) await client.endAsync(true);
  }

  #onMessage(topic: string, payload: Buffer): void {
    const topics = stationTopics(this.#options.identity);
    try {
      switch (topic) {
        case topics.plcResult:
          return this.#onResult(parseResult(payload));
        case topics.inspection:
          return this.#onRecord(JSON.parse(payload.toString("utf8")) as InspectionRecord);
        case topics.imageMask:
          return this.#onPicture("mask", payload);
        case topics.imageOverlay:
          return this.#onPicture("overlay", payload);
        case topics.plcState:
          this.states.push(payload.toString("latin1"));
          return;
        case topics.state:
          this.picturesDropped = (JSON.parse(payload.toString("utf8")) as StateDocument).mqtt.picturesDropped;
          return;
        default:
          return;
      }
    } catch (error) {
      this.#options.onBroken(`${topic}: ${(error as Error).message}`);
    }
  }

  #onResult(result: PlcResult): void {
    // The contract says "at least once": a copy carries flag 01 and the same seq.
    if (this.parts.has(result.seq)) return;
    const part: ReceivedPart = { result, receivedAtMs: Date.now() };
    this.parts.set(result.seq, part);
    this.#options.onResult(part);
  }

  #onRecord(record: InspectionRecord): void {
    const part = this.parts.get(record.seq);
    if (part === undefined) return this.#options.onBroken(`record of part ${record.seq} came before its result`);
    part.record = record;
    for (const kind of ["mask", "overlay"] as const) {
      const at = this.#unclaimed.findIndex((one) => one.kind === kind && one.sha256 === record.images[kind]?.sha256);
      const [early] = at < 0 ? [] : this.#unclaimed.splice(at, 1);
      if (early !== undefined) part[kind] = early.data;
    }
    this.#options.onRecord(part);
  }

  #onPicture(kind: "mask" | "overlay", data: Buffer): void {
    const sha256 = createHash("sha256").update(data).digest("hex");
    const part = [...this.parts.values()].find(
      (one) => one.record?.images[kind]?.sha256 === sha256 && one[kind] === undefined,
    );
    if (part === undefined) this.#unclaimed.push({ kind, sha256, data });
    else part[kind] = data;
  }
}

/** Whether result, record and the pictures that the record names have all come. */
export function isComplete(part: ReceivedPart): boolean {
  const { record } = part;
  if (record === undefined) return false;
  return (
    (record.images.mask === null || part.mask !== undefined) &&
    (record.images.overlay === null || part.overlay !== undefined)
  );
}
