import type { BrokerConfig } from "../config/config.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import { BrokerConnection, type BrokerStatus } from "./broker-connection.ts";
import { RetainedValues } from "./retained-values.ts";
import { checkSegment, deviceRoot } from "./topics.ts";
import { TWIN_TOPICS, type TwinReport, type TwinTryAnswer } from "./twin-payloads.ts";
import { twinSubscriptions, type TwinListener } from "./twin-subscriptions.ts";

export interface DeviceSessionOptions {
  readonly site: string;
  readonly device: string;
  readonly broker: BrokerConfig;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  /** systemd's $CREDENTIALS_DIRECTORY. */
  readonly credentialsFolder: string | null;
  readonly listener: TwinListener;
}

/** The device itself on the broker, apart from its stations: `nominal/v1/<site>/_device/<device>/`. */
export class DeviceSession {
  readonly #connection: BrokerConnection;
  readonly #root: string;
  readonly #retained = new RetainedValues();
  readonly #logger: Logger;

  constructor(options: DeviceSessionOptions) {
    const { site, device, broker, logger, clock, random, credentialsFolder, listener } = options;
    this.#root = deviceRoot(site, device);
    this.#logger = logger;
    this.#connection = new BrokerConnection({
      broker,
      clientId: ["nominald", checkSegment("site", site), "_device", checkSegment("device", device)].join("-"),
      will: { topic: `${this.#root}/status`, payload: "0" },
      credentialsFolder,
      subscriptions: twinSubscriptions(
        { desired: `${this.#root}/${TWIN_TOPICS.desired}`, try: `${this.#root}/${TWIN_TOPICS.try}` },
        listener,
      ),
      logger,
      clock,
      random,
      onUp: () => {
        this.#retained.forgetSent();
        this.#send();
      },
      onDown: () => undefined,
    });
    this.#set("status", "1");
  }

  /** Times that a connection stood. */
  get connects(): number {
    return this.#connection.connects;
  }

  status(): BrokerStatus {
    return this.#connection.status();
  }

  start(): void {
    this.#connection.start();
  }

  report(report: TwinReport): void {
    this.#set(TWIN_TOPICS.reported, JSON.stringify(report));
  }

  answerTry(answer: TwinTryAnswer): void {
    this.#connection.publish(`${this.#root}/${TWIN_TOPICS.tried}`, JSON.stringify(answer), { qos: 1 });
  }

  reconfigure(broker: BrokerConfig): void {
    this.#connection.reconfigure(broker);
  }

  checkCredentials(): void {
    this.#connection.checkCredentials();
  }

  /** Says `status` 0 and leaves. Idempotent. */
  async close(deadlineMs = 1_000): Promise<void> {
    this.#set("status", "0");
    await this.#connection.close(true, deadlineMs);
  }

  #set(topic: string, payload: string): void {
    this.#retained.set(`${this.#root}/${topic}`, payload, { qos: 1, urgent: false });
    this.#send();
  }

  #send(): void {
    if (!this.#connection.up) return;
    for (;;) {
      const message = this.#retained.next({ urgent: false, qos1: true });
      if (message === undefined) return;
      const { topic, payload, qos } = message;
      this.#connection.publish(topic, payload, { qos, retain: true }, (refusal) => {
        if (refusal !== null)
          this.#logger.error({ topic, refusal }, "The broker refused a publication; check its access rules");
      });
    }
  }
}
