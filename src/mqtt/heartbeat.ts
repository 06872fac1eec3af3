import type { PlcState } from "../station/plc-state.ts";
import type { BrokerConnection } from "./broker-connection.ts";
import { formatHeartbeat } from "./payloads.ts";

export interface HeartbeatOptions {
  /** `plc/hb` */
  readonly topic: string;
  readonly connection: Pick<BrokerConnection, "up" | "backedUp" | "publish">;
  /** As it is now. */
  readonly plcState: () => PlcState;
  readonly everyMs: number;
  /** Called after each beat, whether it left or not. */
  readonly onBeat: () => void;
}

/** Says that the station lives, and how it is. The counter goes on when a beat cannot leave, so that a gap shows how long. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | null = null;
  #counter = 0;
  #skipped = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Beats that did not leave because the broker was away or slow: they are not sent later. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Idempotent. */
  start(): void {
    this.#timer ??= setInterval(() => this.#beat(), this.#options.everyMs);
  }

  /** Idempotent. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #beat(): void {
    const { topic, connection, plcState, onBeat } = this.#options;
    this.#counter++;
    if (!connection.up || connection.backedUp) this.#skipped++;
    else connection.publish(topic, formatHeartbeat(this.#counter, plcState()), { qos: 0 });
    onBeat();
  }
}
