import type { Clock } from "../shared/clock.ts";
import type { Effect, StationEvent } from "../station/events.ts";
import type { Instant } from "../station/instant.ts";
import type { StationMachine } from "../station/machine.ts";

export interface MachineDriverOptions {
  readonly machine: Pick<StationMachine, "handle" | "nextDeadlineMs">;
  readonly clock: Clock;
  /** May bring the next event at once: it is handled, and its effects carried out, before those that are left of this one. */
  readonly carryOut: (effect: Effect) => void;
}

/** Gives a station's machine the time, which it does not have of itself: with each event, and when a deadline is due. */
export class MachineDriver {
  readonly #options: MachineDriverOptions;
  #deadline: NodeJS.Timeout | undefined;

  constructor(options: MachineDriverOptions) {
    this.#options = options;
  }

  handle(event: StationEvent): void {
    const { machine, clock, carryOut } = this.#options;
    for (const effect of machine.handle(event, instantOf(clock))) carryOut(effect);
    this.#setDeadline();
  }

  /** No deadline is waited for any more. Idempotent. */
  close(): void {
    clearTimeout(this.#deadline);
  }

  #setDeadline(): void {
    const { machine, clock } = this.#options;
    clearTimeout(this.#deadline);
    const dueMs = machine.nextDeadlineMs();
    if (dueMs === null) return;
    const waitMs = Math.max(0, Math.ceil(dueMs - clock.monotonicMs()));
    this.#deadline = setTimeout(() => this.handle({ type: "tick" }), waitMs);
  }
}

export function instantOf(clock: Clock): Instant {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
}
