import type { DeviceConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import { openInference } from "./open-inference.ts";
import { CHILD_RESTART_LIMITS, RestartPolicy, type RestartDecision } from "./restart-policy.ts";
import { Supervisor } from "./supervisor.ts";

/** Who is told when the inference process comes and goes. */
export interface InferenceListener {
  inferenceUp(client: InferenceClient): void;
  inferenceDown(error: Error, decision: RestartDecision): void;
}

export interface InferenceHostOptions {
  readonly settings: DeviceConfig["inference"];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listeners: readonly InferenceListener[];
}

/** Keeps the one inference process of the device alive and tells the stations of it. */
export class InferenceHost {
  readonly #supervisor: Supervisor<InferenceClient>;
  #settings: DeviceConfig["inference"];

  constructor(options: InferenceHostOptions) {
    const { clock, logger, listeners } = options;
    this.#settings = options.settings;
    this.#supervisor = new Supervisor<InferenceClient>({
      name: "inference",
      policy: new RestartPolicy(CHILD_RESTART_LIMITS, 0),
      clock,
      logger,
      open: (lost, signal) => openInference(this.#settings, logger, lost, signal),
      onUp: (client) => {
        logger.info({ childPid: client.pid }, "inference process is up");
        for (const listener of listeners) listener.inferenceUp(client);
      },
      onDown: (error, decision) => {
        for (const listener of listeners) listener.inferenceDown(error, decision);
      },
    });
  }

  get restarts(): number {
    return this.#supervisor.restarts;
  }

  /** Another process follows, with these settings. */
  reconfigure(settings: DeviceConfig["inference"]): void {
    this.#settings = settings;
    this.#supervisor.renew("inference-reconfigured", "its configuration has changed");
  }

  start(): void {
    this.#supervisor.start();
  }

  async close(): Promise<void> {
    await this.#supervisor.close();
  }
}
