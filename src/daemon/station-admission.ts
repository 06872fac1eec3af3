import type { StationConfig } from "../config/config.ts";
import type { BankSummary } from "../inference/protocol.ts";
import type { Admission, Admitted } from "./admission.ts";
import { FrameTimes } from "./frame-times.ts";
import type { Demand } from "./station-budget.ts";
import { stationId, taktOf } from "./station-settings.ts";

export interface StationAdmissionOptions {
  readonly admission: Pick<Admission, "judge" | "measured" | "leave">;
  /** As it is now. */
  readonly station: () => StationConfig;
  /** Told each time, while there is a bank. */
  readonly judged: (admitted: Admitted, bank: BankSummary) => void;
}

/** What one station asks of its inference process, and what is said to it. */
export class StationAdmission {
  readonly #options: StationAdmissionOptions;
  readonly #times = new FrameTimes();
  /** Whose frames the times are of. */
  #measured: string | null = null;
  #bank: BankSummary | null = null;

  constructor(options: StationAdmissionOptions) {
    this.#options = options;
  }

  /** A process that comes back with the same bank takes as long for a frame as the one before. */
  bankReady(bank: BankSummary): void {
    if (this.#measured !== bank.bankId) this.#times.clear();
    this.#measured = bank.bankId;
    this.#bank = bank;
    this.ask();
  }

  /** Without a bank it asks for nothing. */
  bankGone(): void {
    this.#bank = null;
  }

  /** What it asks for may have changed. */
  ask(): void {
    if (this.#bank === null) return;
    const { admission, station, judged } = this.#options;
    admission.judge({
      id: stationId(station()),
      demand: () => this.#demand(),
      judged: (admitted) => {
        if (this.#bank !== null) judged(admitted, this.#bank);
      },
    });
  }

  /** @param ms that a frame took in the inference process */
  frame(ms: number): void {
    if (this.#times.add(ms)) this.#options.admission.measured();
  }

  /** The station ends. */
  leave(): void {
    this.#bank = null;
    this.#options.admission.leave(stationId(this.#options.station()));
  }

  /** By the frames that came, as soon as they are enough; the warm-up knows nothing of reading and resizing. */
  #demand(): Demand | null {
    if (this.#bank === null) return null;
    const station = this.#options.station();
    const frameMs = this.#times.medianMs ?? this.#bank.frameMs;
    return { id: stationId(station), frameMs, taktMs: taktOf(station), deadlineMs: station.deadlineMs };
  }
}
