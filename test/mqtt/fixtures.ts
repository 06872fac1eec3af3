import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import net from "node:net";
import mqtt from "mqtt";
import type { IClientOptions, IPublishPacket, MqttClient } from "mqtt";
import type { BrokerConfig } from "../../src/config/config.ts";
import type { Logger } from "../../src/shared/logger.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import type { Outcome } from "../../src/station/outcome.ts";
import type { PictureSet } from "../../src/mqtt/picture-lane.ts";
import type { InspectionRecord } from "../../src/mqtt/record.ts";
import { inspectionRecord } from "../../src/mqtt/record.ts";
import type { SessionOptions } from "../../src/mqtt/station-session.ts";
import { StationSession } from "../../src/mqtt/station-session.ts";

export const BOOT = "0badcafe";
export const IDENTITY = { site: "plant", line: "line1", station: "st1" };
export const ROOT = "nominal/v1/plant/line1/st1";

/** How long a test waits for something that must come, ms. */
const WAIT_DEADLINE_MS = 90_000;

export function brokerConfig(url: string, changes: Partial<BrokerConfig> = {}): BrokerConfig {
  return {
    url,
    version: "5",
    username: null,
    passwordFile: null,
    caFile: null,
    certFile: null,
    keyFile: null,
    connectTimeoutMs: 20_000,
    ...changes,
  };
}

export function makeSession(broker: BrokerConfig, changes: Partial<SessionOptions> = {}): StationSession {
  return new StationSession({
    identity: IDENTITY,
    device: "dev1",
    boot: BOOT,
    broker,
    logger: silentLogger,
    clock: systemClock,
    random: () => 0.5,
    backoff: { firstMs: 20, largestMs: 100 },
    ...changes,
  });
}

export function outcome(seq: number, changes: Partial<Outcome> = {}): Outcome {
  return {
    ordinal: seq,
    session: null,
    seq,
    part: "",
    recipe: "",
    verdict: "PASS",
    reason: null,
    score: 0.5,
    threshold: 1,
    bankId: "washer-1a2b3c4d",
    triggeredAt: null,
    capturedAtMs: 1_000,
    decidedAtMs: 1_050,
    decidedAtWallMs: 1_700_000_000_000 + seq,
    frameId: seq,
    captureSeq: seq,
    challenge: false,
    flags: 0,
    ...changes,
  };
}

export function record(seq: number): InspectionRecord {
  return inspectionRecord({
    identity: IDENTITY,
    boot: BOOT,
    outcome: outcome(seq),
    publishedAtWallMs: null,
    clockSync: "unknown",
  });
}

/** A picture of `bytes` bytes, each the part's number, so that a test sees whose it is. */
export function pictures(seq: number, bytes = 1_000): PictureSet {
  const data = new Uint8Array(bytes).fill(seq);
  const sha256 = createHash("sha256").update(data).digest("hex");
  return { ordinal: seq, seq, verdict: "PASS", mask: { contentType: "image/png", data, sha256 } };
}

/** Waits until `condition` holds; fails with `what` when it does not come. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const endsAt = Date.now() + WAIT_DEADLINE_MS;
  while (!condition()) {
    assert.ok(Date.now() < endsAt, `expected ${what} but it did not come`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface Seen {
  readonly topic: string;
  readonly payload: Buffer;
  readonly packet: IPublishPacket;
}

/** A client that keeps all it hears below the station's root; comes back after a restart of the broker. */
export class Listener {
  readonly seen: Seen[] = [];
  #client: MqttClient | null = null;
  #subscribed = false;

  async start(url: string, options: IClientOptions = {}): Promise<this> {
    const client = mqtt.connect(url, { protocolVersion: 5, reconnectPeriod: 20, clientId: "listener", ...options });
    this.#client = client;
    client.on("error", () => undefined);
    client.on("message", (topic, payload, packet) => {
      this.seen.push({ topic: topic.slice(ROOT.length + 1), payload, packet });
    });
    client.on("close", () => (this.#subscribed = false));
    client.on("connect", () => {
      client.subscribe(`${ROOT}/#`, { qos: 1 }, (error) => (this.#subscribed = !error));
    });
    await until("the listener's subscription", () => this.#subscribed);
    return this;
  }

  get subscribed(): boolean {
    return this.#subscribed;
  }

  /** Payloads of a topic, oldest first. */
  texts(topic: string): readonly string[] {
    return this.seen.filter((message) => message.topic === topic).map((message) => message.payload.toString());
  }

  publish(topic: string, payload: string): void {
    this.#client?.publish(`${ROOT}/${topic}`, payload, { qos: 1 });
  }

  stop(): void {
    this.#client?.end(true);
  }
}

/** A slow broker rests so long after what it has read: a kilobyte in a millisecond, whatever a read brings. */
const SLOW_BYTES_A_MS = 1_024;

/**
 * A cable between a station and its broker that a test can cut. `toBroker` and `toStation` say whether bytes pass;
 * what comes while they do not is gone, as the connection will be.
 */
export class Cable {
  toBroker = true;
  toStation = true;
  /** The broker's end reads a kilobyte in a millisecond. */
  slow = false;
  #whole = true;
  readonly #sockets = new Set<net.Socket>();
  readonly #server: net.Server;
  readonly #brokerPort: number;

  constructor(brokerPort: number) {
    this.#brokerPort = brokerPort;
    this.#server = net.createServer((station) => this.#join(station));
  }

  /** Of the station's end, once started. */
  get url(): string {
    const address = this.#server.address();
    assert.ok(address !== null && typeof address === "object");
    return `mqtt://127.0.0.1:${address.port}`;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  cut(): void {
    this.#whole = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#whole = true;
    this.toBroker = true;
    this.toStation = true;
  }

  stop(): void {
    this.cut();
    this.#server.close();
  }

  #join(station: net.Socket): void {
    if (!this.#whole) {
      station.destroy();
      return;
    }
    const broker = net.connect(this.#brokerPort, "127.0.0.1");
    for (const [from, to, passes] of [
      [station, broker, () => this.toBroker],
      [broker, station, () => this.toStation],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (chunk) => {
        if (passes()) to.write(chunk);
        if (!this.slow || from !== station) return;
        from.pause();
        setTimeout(() => from.resume(), chunk.length / SLOW_BYTES_A_MS);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}

/** Keeps what was logged at each level. */
export class LogBook implements Logger {
  readonly lines: string[] = [];

  debug = (_fields: object, message: string): void => void this.lines.push(`debug ${message}`);
  info = (_fields: object, message: string): void => void this.lines.push(`info ${message}`);
  warn = (fields: object, message: string): void => void this.lines.push(`warn ${message} ${JSON.stringify(fields)}`);
  error = (_fields: object, message: string): void => void this.lines.push(`error ${message}`);
}
