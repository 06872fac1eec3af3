import type { HostConfig } from "../config/config.ts";
import type { ClockSyncState } from "../ops/clock-sync.ts";
import type { HostSample } from "../ops/host-sampler.ts";
import type { FaultName } from "../station/faults.ts";
import type { FaultBoard } from "./fault-board.ts";

/** A fault ends when so much of its limit is free, percent, so that it does not flicker. */
const FREE_AGAIN_PERCENT = 110;
const COOLER_BY_C = 3;
/** Processes that wait for memory a fifth of the time: frames are late although no allocation fails yet, percent. */
const MOST_STALLED_PERCENT = 20;
const LESS_STALLED_PERCENT = 10;
/** A processor that was slowed down counts as throttled for so long after the kernel last counted it, ms. */
const THROTTLED_FOR_MS = 60_000;
/** Governors round; a person or the heat allows clearly less. */
const FULL_SHARE = 0.99;
const MEBIBYTE = 2 ** 20;

/** Judges samples of the machine against the limits, and puts what is wrong on the board. */
export class HostFaults {
  readonly #board: FaultBoard;
  readonly #limits: () => HostConfig;
  #throttles: number | null = null;
  #throttledAtMs = -Infinity;

  constructor(board: FaultBoard, limits: () => HostConfig) {
    this.#board = board;
    this.#limits = limits;
  }

  /** @param nowMs monotonic */
  judge(sample: HostSample, clockSync: ClockSyncState, nowMs: number): void {
    this.#board.set("memory-low", this.#memory(sample));
    this.#board.set("disk-low", this.#disk(sample));
    this.#board.set("host-hot", this.#heat(sample));
    this.#board.set("clock-throttled", this.#throttle(sample, nowMs));
    this.#board.set(
      "clock-unsynchronised",
      clockSync === "unsynchronised" ? "the kernel says that no reference is followed" : null,
    );
  }

  #memory({ memory }: HostSample): string | null {
    if (memory === null) return null;
    const { availableBytes, totalBytes, limitedBy, stalledPercent } = memory;
    const wanted = this.#wanted("memory-low", this.#limits().minFreeMemoryMebibytes);
    const whose = limitedBy === "machine" ? "of the machine" : "of the control group's limit";
    if (mebibytes(availableBytes) < wanted) {
      return `${mebibytes(availableBytes)} MiB of ${mebibytes(totalBytes)} ${whose} are left`;
    }
    const most = this.#board.stands("memory-low") ? LESS_STALLED_PERCENT : MOST_STALLED_PERCENT;
    if (stalledPercent === null || stalledPercent < most) return null;
    return `processes waited for memory in ${stalledPercent} % of the last minute`;
  }

  #disk({ disk }: HostSample): string | null {
    if (disk === null) return null;
    const free = mebibytes(disk.freeBytes);
    if (free >= this.#wanted("disk-low", this.#limits().minFreeDiskMebibytes)) return null;
    return `${free} MiB of ${mebibytes(disk.totalBytes)} are free`;
  }

  #heat({ temperature }: HostSample): string | null {
    if (temperature === null) return null;
    const limit = this.#limits().maxCelsius - (this.#board.stands("host-hot") ? COOLER_BY_C : 0);
    if (temperature.celsius <= limit) return null;
    return `${temperature.sensor} has ${temperature.celsius.toFixed(1)} °C`;
  }

  #throttle({ throttle }: HostSample, nowMs: number): string | null {
    if (throttle === null) return null;
    const { count, allowedShare } = throttle;
    if (count !== null) {
      if (this.#throttles !== null && count > this.#throttles) this.#throttledAtMs = nowMs;
      this.#throttles = count;
    }
    if (allowedShare !== null && allowedShare < FULL_SHARE) {
      return `at most ${Math.round(100 * allowedShare)} % of the processor's largest frequency are allowed`;
    }
    return nowMs - this.#throttledAtMs < THROTTLED_FOR_MS ? "the kernel slowed cores down because of heat" : null;
  }

  #wanted(fault: FaultName, limit: number): number {
    return this.#board.stands(fault) ? (limit * FREE_AGAIN_PERCENT) / 100 : limit;
  }
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / MEBIBYTE);
}
