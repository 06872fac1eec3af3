import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { Fault } from "../station/events.ts";
import type { FaultName } from "../station/faults.ts";
import { REASONS } from "../station/reasons.ts";

export interface FaultBoardOptions {
  /** In the log: "line1/st1", or "device". */
  readonly subject: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A fault has come or gone. */
  readonly onChange: () => void;
}

/** A fault and what was found. */
export interface StandingFault extends Fault {
  readonly detail: string;
}

/** Faults that stop no verdict, and so are none of the station's machine: they stand here until they are over. */
export class FaultBoard {
  readonly #options: FaultBoardOptions;
  readonly #standing = new Map<FaultName, StandingFault>();
  readonly #counts = new Map<FaultName, number>();

  constructor(options: FaultBoardOptions) {
    this.#options = options;
  }

  /** In the order in which they came. */
  get faults(): readonly StandingFault[] {
    return [...this.#standing.values()];
  }

  /** How often each has come since the start; one that never came is absent. */
  get counts(): Readonly<Partial<Record<FaultName, number>>> {
    return Object.fromEntries(this.#counts);
  }

  stands(reason: FaultName): boolean {
    return this.#standing.has(reason);
  }

  /** @param detail what was found; null: the fault is over */
  set(reason: FaultName, detail: string | null): void {
    const before = this.#standing.get(reason);
    if (detail === null) {
      if (before !== undefined) this.#end(reason);
    } else if (before !== undefined) this.#standing.set(reason, { ...before, detail });
    else this.#begin(reason, detail);
  }

  /** What was found has changed in a way that is worth telling. A fault that does not stand is left alone. */
  amend(reason: FaultName, detail: string): void {
    const before = this.#standing.get(reason);
    if (before === undefined) return;
    this.#standing.set(reason, { ...before, detail });
    this.#options.onChange();
  }

  #begin(reason: FaultName, detail: string): void {
    const { clock, subject, logger, onChange } = this.#options;
    const since = { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
    this.#standing.set(reason, { reason, since, detail });
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    const { code, text, remedy } = REASONS[reason];
    logger.warn({ subject, fault: reason, code, detail }, `${text}: ${detail}. ${remedy}`);
    onChange();
  }

  #end(reason: FaultName): void {
    const { subject, logger, onChange } = this.#options;
    this.#standing.delete(reason);
    logger.info({ subject, fault: reason, code: REASONS[reason].code }, "fault is over");
    onChange();
  }
}
