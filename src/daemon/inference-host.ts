import type { DeviceConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import { openInference } from "./open-inference.ts";
import { CHILD_RESTART_LIMITS, RestartPolicy, type RestartLimits } from "./restart-policy.ts";
import { Supervisor } from "./supervisor.ts";

/** Who is told when the inference process comes and goes. */
export interface InferenceListener {
  inferenceUp(client: InferenceClient): void;
  inferenceDown(error: Error): void;
  /** It was lost so often that it is started at long intervals only, in words; null: no longer. */
  inferenceUnsteady(found: string | null): void;
}

export interface InferenceHostOptions {
  /** In the log. */
  readonly name: string;
  readonly settings: DeviceConfig["inference"];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: RestartLimits;
}

/** Keeps one inference process alive and tells the stations that it works for. */
export class InferenceHost {
  readonly #supervisor: Supervisor<InferenceClient>;
  readonly #listeners = new Set<InferenceListener>();
  #settings: DeviceConfig["inference"];
  #unsteady: string | null = null;

  constructor(options: InferenceHostOptions) {
    const { name, clock, logger, limits = CHILD_RESTART_LIMITS } = options;
    this.#settings = options.settings;
    this.#supervisor = new Supervisor<InferenceClient>({
      name,
      policy: new RestartPolicy(limits, 0),
      clock,
      logger,
      open: (lost, signal) => openInference(this.#settings, logger, lost, signal),
      onUp: (client) => {
        logger.info({ childPid: client.pid }, `${name} process is up`);
        for (const listener of this.#listeners) listener.inferenceUp(client);
      },
      onDown: (error) => this.#tellDown(error),
      onUnsteady: (found) => {
        this.#unsteady = found;
        for (const listener of this.#listeners) listener.inferenceUnsteady(found);
      },
    });
  }

  /** The living process, if there is one. */
  get client(): InferenceClient | undefined {
    return this.#supervisor.current;
  }

  /** It is told at once of a process that is up already. */
  attach(listener: InferenceListener): void {
    this.#listeners.add(listener);
    listener.inferenceUnsteady(this.#unsteady);
    if (this.client !== undefined) listener.inferenceUp(this.client);
  }

  /** It is told nothing any more. */
  detach(listener: InferenceListener): void {
    this.#listeners.delete(listener);
  }

  /** Starts after the first. */
  get restarts(): number {
    return this.#supervisor.restarts;
  }

  /** Of the inference process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#supervisor.current?.pid;
  }

  /** Another process follows, with these settings. */
  reconfigure(settings: DeviceConfig["inference"]): void {
    this.#settings = settings;
    this.#supervisor.renew("inference-reconfigured", "its configuration has changed");
  }

  start(): void {
    this.#supervisor.start();
  }

  /** Ends the process for good, and tells so whoever is still attached. */
  async retire(why: Error): Promise<void> {
    this.#tellDown(why);
    this.#listeners.clear();
    await this.close();
  }

  async close(): Promise<void> {
    await this.#supervisor.close();
  }

  #tellDown(error: Error): void {
    for (const listener of this.#listeners) listener.inferenceDown(error);
  }
}
