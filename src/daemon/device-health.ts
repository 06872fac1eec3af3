import type { HostConfig } from "../config/config.ts";
import type { StateDocument } from "../mqtt/state-document.ts";
import type { ClockSyncState } from "../ops/clock-sync.ts";
import { HostSampler, type HostSample } from "../ops/host-sampler.ts";
import type { KernelFolders } from "../ops/kernel-file.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import { FaultBoard, type StandingFault } from "./fault-board.ts";
import { HostFaults } from "./host-faults.ts";
import { RunLedger } from "./run-ledger.ts";

export interface DeviceHealthOptions {
  readonly stateFolder: string;
  /** As they are now. */
  readonly limits: () => HostConfig;
  readonly clockSync: () => ClockSyncState;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A fault has come or gone. */
  readonly onChange: () => void;
  readonly kernel?: KernelFolders;
}

/** How the computer is, and how runs of the daemon ended: what every station's `state` shows. */
export class DeviceHealth {
  readonly #options: DeviceHealthOptions;
  readonly #board: FaultBoard;
  readonly #judge: HostFaults;
  readonly #sampler: HostSampler;
  readonly #runs: RunLedger;
  #sample: HostSample = { memory: null, disk: null, temperature: null, throttle: null };

  constructor(options: DeviceHealthOptions) {
    const { stateFolder, limits, clock, logger, onChange, kernel } = options;
    this.#options = options;
    this.#board = new FaultBoard({ subject: "device", clock, logger, onChange });
    this.#judge = new HostFaults(this.#board, limits);
    this.#runs = new RunLedger(stateFolder, logger);
    this.#sampler = new HostSampler({
      folder: stateFolder,
      onSample: (sample) => this.#take(sample),
      ...(kernel === undefined ? {} : { kernel }),
    });
  }

  get faults(): readonly StandingFault[] {
    return this.#board.faults;
  }

  /** As `state` shows it. */
  get host(): StateDocument["host"] {
    return { ...this.#sample, clockSync: this.#options.clockSync(), faults: this.#board.counts };
  }

  get runs(): StateDocument["runs"] {
    return this.#runs.counts;
  }

  /** The state folder is this daemon's. */
  start(): void {
    this.#runs.begin(new Date(this.#options.clock.wallMs()).toISOString());
    this.#sampler.start();
  }

  /** The daemon ends in order. */
  close(): void {
    this.#sampler.close();
    this.#runs.end();
  }

  #take(sample: HostSample): void {
    this.#sample = sample;
    this.#judge.judge(sample, this.#options.clockSync(), this.#options.clock.monotonicMs());
  }
}
