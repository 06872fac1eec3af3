import type { Effect, Fault } from "./events.ts";
import { FAULTS } from "./faults.ts";
import type { PlcConditions, PlcState } from "./plc-state.ts";
import { plcStateOf } from "./plc-state.ts";

/** What the station shows of itself; tells only changes. */
export class Display {
  #plcState: PlcState = "1";
  #faults = "";

  get plcState(): PlcState {
    return this.#plcState;
  }

  /** @returns the effects of what changed since the last call */
  show(conditions: Omit<PlcConditions, "faulty">, faults: readonly Fault[]): readonly Effect[] {
    const effects: Effect[] = [];
    const shown = faults.map(({ reason, since }) => `${reason}@${since.monotonicMs}`).join();
    if (shown !== this.#faults) effects.push({ type: "faults-changed", faults });
    const state = plcStateOf({ ...conditions, faulty: faults.some(({ reason }) => FAULTS[reason].stops) });
    if (state !== this.#plcState) effects.push({ type: "plc-state", state });
    this.#faults = shown;
    this.#plcState = state;
    return effects;
  }
}
