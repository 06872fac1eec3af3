import mqtt from "mqtt";
import type { IClientPublishOptions, IConnackPacket, MqttClient } from "mqtt";
import type { BrokerConfig } from "../config/config.ts";
import type { Clock } from "../shared/clock.ts";
import { reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { Will } from "./client-options.ts";
import { clientOptions } from "./client-options.ts";
import type { ConnectProblem } from "./connect-problem.ts";
import { connectProblem, problemOfError, problemOfReasonCode, safeUrl } from "./connect-problem.ts";
import { CredentialWatch } from "./credential-watch.ts";
import { RoundTrips } from "./round-trips.ts";
import { Subscriptions, type Subscription } from "./subscriptions.ts";

/** What the broker said at connect about what it can take. */
export interface BrokerLimits {
  /** Unacknowledged publications at most; 65,535 when the broker does not say. */
  readonly receiveMaximum: number;
  /** Bytes of one packet at most; Infinity when the broker does not say. */
  readonly maximumPacketSize: number;
}

export interface BrokerStatus {
  readonly state: "idle" | "connecting" | "connected" | "waiting" | "closed";
  /** The last problem until a connection stands; null without one. */
  readonly problem: (ConnectProblem & { readonly sinceWallMs: number }) | null;
}

export interface ConnectionOptions {
  readonly broker: BrokerConfig;
  readonly clientId: string;
  /** null: its loss is nobody's concern. */
  readonly will: Will | null;
  /** Where `credential:NAME` lies; null: nowhere. */
  readonly credentialsFolder: string | null;
  /** How often the files of credentials are looked at; absent: CREDENTIAL_CHECK_MS. */
  readonly credentialCheckMs?: number | undefined;
  readonly subscriptions: readonly Subscription[];
  readonly logger: Logger;
  readonly clock: Clock;
  /** 0 ≤ x < 1, for the jitter. */
  readonly random: () => number;
  /** Waits between attempts, ms: the first, doubling up to the largest; absent: BACKOFF. */
  readonly backoff?: { readonly firstMs: number; readonly largestMs: number } | undefined;
  readonly onUp: (limits: BrokerLimits) => void;
  readonly onDown: () => void;
}

const BACKOFF = { firstMs: 500, largestMs: 30_000 };
const CREDENTIAL_CHECK_MS = 30_000;

/** A connection that stood at least this long was good: the next wait is short again, the next problem is news. */
const STEADY_MS = 10_000;

/** mqtt.js bounds the wait for CONNACK; this bounds mqtt.js (a name server that never answers), ms on top. */
const ATTEMPT_MARGIN_MS = 2_000;

/** Bytes in our own buffers above which the broker counts as slow (Node's own mark for a socket). */
const BACKED_UP_BYTES = 16_384;

/**
 * A way to the broker: a station's, the device's, or that of a bank's blocks. Each attempt is a new mqtt.js client with options read anew; a client that
 * fails in any way is destroyed, so none can get stuck half alive.
 */
export class BrokerConnection {
  readonly #options: ConnectionOptions;
  readonly #subscriptions: Subscriptions;
  /** The client of the present attempt or connection; what others report is ignored. */
  #client: MqttClient | null = null;
  #roundTrips: RoundTrips | null = null;
  #timer: NodeJS.Timeout | null = null;
  #state: BrokerStatus["state"] = "idle";
  #problem: BrokerStatus["problem"] = null;
  #credentials: CredentialWatch | null = null;
  #connects = 0;
  #failures = 0;
  #upSinceMs = 0;
  #broker: BrokerConfig;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#broker = options.broker;
    this.#subscriptions = new Subscriptions(options.subscriptions, options.logger);
  }

  get up(): boolean {
    return this.#state === "connected";
  }

  /** Times that a connection stood. */
  get connects(): number {
    return this.#connects;
  }

  /** The broker takes bytes more slowly than we send them. */
  get backedUp(): boolean {
    return (this.#client?.stream.writableLength ?? 0) > BACKED_UP_BYTES;
  }

  status(): BrokerStatus {
    return { state: this.#state, problem: this.#problem };
  }

  /** Begins to connect and goes on for ever; a broker that is away is no error. */
  start(): void {
    if (this.#state === "idle") this.#attempt();
  }

  /**
   * Only while `up`. QoS 1: `done` is called once the broker has answered, with its refusal or null, and never
   * after the connection is lost.
   */
  publish(
    topic: string,
    payload: string | Buffer,
    options: IClientPublishOptions,
    done: (refusal: string | null) => void = () => undefined,
  ): void {
    const client = this.#client;
    if (client === null || !this.up) return;
    client.publish(topic, payload, options, (error) => {
      if (client === this.#client) done(error ? reasonOf(error) : null);
    });
  }

  /** Only while `up`. `done` is called when the broker is through with all that was sent before; never after a loss. */
  roundTrip(done: () => void): void {
    const client = this.#client;
    if (client === null || !this.up) return;
    this.#roundTrips?.ask(() => {
      if (client === this.#client) done();
    });
  }

  /** Gives the connection up for a problem seen from outside and makes a new one. */
  abandon(kind: ConnectProblem["kind"], cause: string): void {
    if (this.up) this.#lose(connectProblem(this.#broker, kind, cause));
  }

  /** Leaves the broker as if it were lost and connects anew, at once, as `broker` says. */
  reconfigure(broker: BrokerConfig): void {
    this.#broker = broker;
    if (this.#state === "idle" || this.#state === "closed") return;
    this.#failures = 0;
    this.#lose(connectProblem(broker, "reconfigured", "the configuration has changed"));
  }

  /** Looks at once whether a certificate, key or password was renewed. */
  checkCredentials(): void {
    this.#credentials?.look();
  }

  /**
   * Ends the connection for good, within the deadline.
   *
   * @param farewell false: leave without DISCONNECT, so that the broker publishes the will
   */
  async close(farewell: boolean, deadlineMs: number): Promise<void> {
    if (this.#state === "closed") return;
    const client = this.#client;
    const wasUp = this.up;
    this.#client = null;
    this.#state = "closed";
    this.#clearTimers();
    if (client === null) return;
    if (farewell && wasUp) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        client.end(false, () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    destroy(client);
  }

  #attempt(): void {
    this.#state = "connecting";
    this.#connect().catch((error: unknown) => this.#lose(problemOfError(this.#broker, error)));
  }

  /** Fails for a file that cannot be read, and for one that holds no certificate or key. */
  async #connect(): Promise<void> {
    const { clientId, will, credentialsFolder } = this.#options;
    const broker = this.#broker;
    const options = await clientOptions(broker, clientId, will, credentialsFolder);
    if (this.#state === "connecting" && broker === this.#broker) this.#watch(mqtt.connect(broker.url, options));
  }

  #watch(client: MqttClient): void {
    const broker = this.#broker;
    let parting: ConnectProblem | null = null;
    const lose = (problem: ConnectProblem): void => {
      if (client === this.#client) this.#lose(parting ?? problem);
    };
    this.#client = client;
    this.#roundTrips = new RoundTrips(client);
    this.#timer = setTimeout(
      () => lose(connectProblem(broker, "connect-timeout", `${broker.connectTimeoutMs} ms`)),
      broker.connectTimeoutMs + ATTEMPT_MARGIN_MS,
    );
    client.on("connect", (connack) => {
      if (client === this.#client) this.#standUp(client, connack);
    });
    client.on("message", (topic, payload, packet) => {
      if (client === this.#client) this.#subscriptions.receive(topic, payload, packet.retain);
    });
    // MQTT 5: the broker says why before it hangs up.
    client.on("disconnect", (packet) => (parting = problemOfReasonCode(broker, packet.reasonCode ?? 0)));
    client.on("error", (error) => lose(problemOfError(broker, error)));
    client.on("close", () => lose(connectProblem(broker, "connection-lost", "closed by the other side")));
  }

  #standUp(client: MqttClient, connack: IConnackPacket): void {
    this.#clearTimers();
    this.#watchCredentials();
    this.#state = "connected";
    this.#connects++;
    this.#problem = null;
    this.#upSinceMs = this.#options.clock.monotonicMs();
    const { clientId, logger, onUp } = this.#options;
    logger.info({ clientId, url: safeUrl(this.#broker.url) }, "Connected to the broker");
    this.#subscriptions.request(client, () => client === this.#client);
    onUp({
      receiveMaximum: connack.properties?.receiveMaximum ?? 65_535,
      maximumPacketSize: connack.properties?.maximumPacketSize ?? Infinity,
    });
  }

  /** A renewed certificate is used at once: by a new connection. */
  #watchCredentials(): void {
    const { credentialsFolder, credentialCheckMs = CREDENTIAL_CHECK_MS } = this.#options;
    const watch = new CredentialWatch(this.#broker, credentialsFolder, credentialCheckMs, (name) => {
      this.abandon("credentials-renewed", `broker.${name} has changed`);
    });
    this.#credentials?.stop();
    this.#credentials = watch;
    watch.start();
  }

  #lose(problem: ConnectProblem): void {
    if (this.#state === "closed") return;
    const { clock, clientId, logger, onDown } = this.#options;
    const client = this.#client;
    const wasUp = this.up;
    this.#client = null;
    this.#clearTimers();
    if (client !== null) destroy(client);
    if (wasUp && clock.monotonicMs() - this.#upSinceMs >= STEADY_MS) this.#failures = 0;
    if (this.#problem?.kind !== problem.kind) this.#problem = { ...problem, sinceWallMs: clock.wallMs() };
    logger.warn({ clientId, problem: problem.kind }, problem.message);
    this.#state = "waiting";
    this.#timer = setTimeout(() => this.#attempt(), this.#waitMs());
    if (wasUp) onDown();
  }

  /** Doubles with each failure; half of it is drawn, so that the stations of a hall do not come back in step. */
  #waitMs(): number {
    const { backoff = BACKOFF, random } = this.#options;
    const waitMs = Math.min(backoff.largestMs, backoff.firstMs * 2 ** Math.min(this.#failures, 16));
    this.#failures++;
    return waitMs * (0.5 + 0.5 * random());
  }

  #clearTimers(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#credentials?.stop();
    this.#credentials = null;
  }
}

/**
 * A destroyed client may still report errors of its socket; nobody needs them, and unheard they end the process.
 * `end(true)` does nothing when a graceful end is under way, so the socket is destroyed too.
 */
function destroy(client: MqttClient): void {
  client.on("error", () => undefined);
  client.end(true);
  client.stream.destroy();
}
