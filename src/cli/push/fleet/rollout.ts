import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { DeviceError, InputError, NominalError } from "../../../shared/errors.ts";
import { EXIT } from "../../../shared/exit-codes.ts";
import type { CommandIo } from "../../io.ts";
import type { FleetArguments } from "./arguments.ts";
import { planWaves, type Outcome } from "./plan.ts";
import { readRollout, writeRollout, type Rollout, type StationRecord } from "./state-file.ts";
import { rolloutTable } from "./table.ts";
import type { FleetWatch } from "./watch.ts";

/** What one station's push came to. */
export interface StationEnd {
  readonly outcome: Outcome;
  readonly detail: string;
}

export interface RolloutOptions {
  readonly fleet: FleetArguments;
  readonly watch: Pick<FleetWatch, "targets" | "isUp">;
  /** For people: the file that is sent. */
  readonly what: string;
  /** Of all that decides what a station would get. */
  readonly content: Uint8Array;
  /** The state's file. */
  readonly path: string;
  /** Sends to one station, and waits for its end. @throws NominalError that is its end too; the signal's reason */
  readonly push: (target: string, signal: AbortSignal) => Promise<StationEnd>;
  readonly timeoutMs: number;
  readonly io: CommandIo;
  readonly wallMs: () => number;
}

/**
 * Sends the same to many stations, wave after wave: the next begins when every station of the one before has ended, and
 * none of them in a way that ends the rollout. What each did is on the disk before anything else happens.
 */
export class RolloutRun {
  readonly #options: RolloutOptions;
  #rollout: Rollout;
  /** Why nobody gets it any more; null: it goes on. */
  #halted: string | null = null;

  /** @throws InputError "rollout-other", "rollout-state" */
  constructor(options: RolloutOptions) {
    this.#options = options;
    this.#rollout = openRollout(options);
  }

  /** @returns the exit code */
  async run(): Promise<number> {
    const { io, path } = this.#options;
    try {
      await this.#waves();
    } catch (error) {
      if (!io.signal.aborted) throw error;
      io.out(rolloutTable(this.#rollout.stations));
      io.err(`stopped; the same command goes on, by ${path}`);
      return EXIT.interrupted;
    }
    io.out(rolloutTable(this.#rollout.stations));
    return this.#conclude();
  }

  async #waves(): Promise<void> {
    const { io } = this.#options;
    const waves = Math.max(...this.#rollout.stations.map(({ wave }) => wave));
    for (let wave = 1; wave <= waves && this.#halted === null; wave++) {
      const stations = this.#rollout.stations.filter((one) => one.wave === wave);
      const open = stations.filter(({ outcome }) => outcome !== "done");
      if (open.length === 0) continue;
      io.out(`wave ${wave} of ${waves}: ${open.length} of ${stations.length} stations`);
      await this.#wave(open.map(({ target }) => target));
      const hasDone = this.#rollout.stations.some((one) => one.wave === wave && one.outcome === "done");
      if (!hasDone) this.#halted ??= `no station of wave ${wave} took it`;
    }
  }

  #conclude(): number {
    const { io, path, fleet } = this.#options;
    const undone = this.#rollout.stations.filter(({ outcome }) => outcome !== "done");
    if (this.#halted !== null) {
      io.err(`halted: ${this.#halted}; nobody else gets it. The same command goes on, by ${path}`);
    } else if (undone.length > 0) {
      io.err(`${undone.length} stations did not take it (--halt-on ${[...fleet.haltOn].join(",")})`);
    }
    if (undone.length === 0) return EXIT.ok;
    return undone.some(({ outcome }) => outcome === "refused") ? EXIT.input : EXIT.device;
  }

  async #wave(targets: readonly string[]): Promise<void> {
    const queue = [...targets];
    const lane = async (): Promise<void> => {
      for (let target = queue.shift(); target !== undefined && this.#halted === null; target = queue.shift()) {
        await this.#station(target);
      }
    };
    const lanes = Array.from({ length: Math.min(this.#options.fleet.parallel, targets.length) }, lane);
    // All lanes end before anything is said, also when one of them was broken off.
    const ends = await Promise.allSettled(lanes);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  async #station(target: string): Promise<void> {
    const { io, fleet } = this.#options;
    io.signal.throwIfAborted();
    this.#record(target, "begun", "");
    const { outcome, detail } = await this.#end(target);
    this.#record(target, outcome, detail);
    io.out(`${target}: ${outcome}${detail === "" ? "" : `, ${detail}`}`);
    if (outcome !== "done" && fleet.haltOn.has(outcome)) this.#halted ??= `${target} ${outcome}`;
  }

  async #end(target: string): Promise<StationEnd> {
    const { watch, push, timeoutMs, io } = this.#options;
    // A document that waits on the broker for a station would reach it long after the rollout was halted.
    if (!watch.isUp(target)) return { outcome: "offline", detail: "its status is not 1" };
    const timeout = new AbortController();
    const signal = AbortSignal.any([io.signal, timeout.signal]);
    const over = new AbortController();
    const late = wait(timeoutMs, undefined, { signal: over.signal }).then(
      () => timeout.abort(new DeviceError("push-timeout", `Expected an end within ${timeoutMs / 1_000} s`)),
      () => undefined,
    );
    try {
      return await push(target, signal);
    } catch (error) {
      if (io.signal.aborted) throw error;
      return endOf(error);
    } finally {
      over.abort();
      await late;
    }
  }

  #record(target: string, outcome: StationRecord["outcome"], detail: string): void {
    const { path, wallMs } = this.#options;
    const stations = this.#rollout.stations.map((one) =>
      one.target === target ? { ...one, outcome, detail, atWallMs: Math.round(wallMs()) } : one,
    );
    this.#rollout = { ...this.#rollout, stations };
    writeRollout(path, this.#rollout);
  }
}

function endOf(error: unknown): StationEnd {
  if (!(error instanceof NominalError) || error.faultClass === "bug") throw error;
  const detail = `${error.code}: ${error.message}`;
  if (error.code === "push-timeout" || error.code === "station-silent") return { outcome: "timeout", detail };
  return { outcome: error.faultClass === "input" ? "refused" : "failed", detail };
}

/** The state that is there, or a new one: its stations and their waves are settled once. */
function openRollout({ fleet, watch, what, content, path }: RolloutOptions): Rollout {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const command = `${fleet.patterns.join(" ")}: ${fleet.waves.map(sizeText).join(" ")}`;
  const found = readRollout(path);
  if (found === null) {
    const stations = planWaves(watch.targets, fleet.waves).flatMap((wave, at) =>
      wave.map((target) => ({ target, wave: at + 1, outcome: null, atWallMs: null, detail: "" })),
    );
    const rollout = { what, sha256, command, stations };
    writeRollout(path, rollout);
    return rollout;
  }
  if (found.sha256 === sha256 && found.command === command) return found;
  const text = `Expected the rollout of ${what} to ${command} in ${path} but it has that of ${found.what} to ${found.command}`;
  throw new InputError("rollout-other", `${text}; give another --state, or remove it`);
}

function sizeText(size: FleetArguments["waves"][number]): string {
  if (size === "all") return size;
  return "count" in size ? String(size.count) : `${size.percent}%`;
}
