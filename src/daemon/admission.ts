import type { Logger } from "../shared/logger.ts";
import { budgetOf, type Budget, type Demand } from "./station-budget.ts";

export type AdmissionPolicy = "refuse" | "warn";

/** What became of a station's budget. `overbooked`: it works, but not all that is asked of its process can be met. */
export interface Admitted extends Budget {
  readonly verdict: "admitted" | "overbooked" | "refused";
}

/** A station that asks to be admitted. */
export interface Applicant {
  readonly id: string;
  /** As it is now; null while it has no bank. */
  readonly demand: () => Demand | null;
  readonly judged: (admitted: Admitted) => void;
}

export interface AdmissionOptions {
  /** Ids of the stations, in the order of the configuration. */
  readonly order: () => readonly string[];
  readonly policy: () => AdmissionPolicy;
  /** Number of the inference process that a station works in; null: none yet. */
  readonly processOf: (id: string) => number | null;
  readonly logger: Logger;
}

/**
 * Whether the stations of each inference process can all have what they ask for, by the times that their frames were measured
 * to take. They are judged in the order of the configuration, each against those before it that work: who stands first has its
 * place. All are judged anew when a bank is ready, when what one asks for changes, and when one leaves; as frames go by, too,
 * but then nobody that works is refused.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #applicants = new Map<string, Applicant>();
  readonly #verdicts = new Map<string, Admitted["verdict"]>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** The station's bank is ready, or it asks for something else. */
  judge(applicant: Applicant): void {
    this.#applicants.set(applicant.id, applicant);
    this.judgeAll();
  }

  /** The station has ended: what it took is free. */
  leave(id: string): void {
    this.#applicants.delete(id);
    if (this.#verdicts.delete(id)) this.judgeAll();
  }

  /** Frames take another time than was thought. Who works goes on: a measurement alone stops nobody. */
  measured(): void {
    this.judgeAll(false);
  }

  judgeAll(mayStop = true): void {
    const { order, policy, processOf } = this.#options;
    const admitted = new Map<number | null, Demand[]>();
    for (const id of order()) {
      const applicant = this.#applicants.get(id);
      const own = applicant?.demand() ?? null;
      if (applicant === undefined || own === null) continue;
      const before = admitted.get(processOf(id)) ?? [];
      const budget = budgetOf([...before, own], id);
      const fits = budget.problems.length === 0;
      const works = this.#verdicts.has(id) && this.#verdicts.get(id) !== "refused";
      const isRefused = policy() === "refuse" && (mayStop || !works);
      const verdict = fits ? "admitted" : isRefused ? "refused" : "overbooked";
      if (verdict !== "refused") admitted.set(processOf(id), [...before, own]);
      this.#tell(applicant, own, { ...budget, verdict });
    }
  }

  #tell(applicant: Applicant, { frameMs }: Demand, admitted: Admitted): void {
    const { logger } = this.#options;
    const { verdict, utilisation, responseMs, problems } = admitted;
    if (this.#verdicts.get(applicant.id) !== verdict) {
      this.#verdicts.set(applicant.id, verdict);
      const figures = { frameMs: round(frameMs), utilisation: round(utilisation), responseMs: round(responseMs) };
      const context = { station: applicant.id, ...figures };
      if (verdict === "admitted") logger.info(context, "station fits in beside the others");
      else logger.warn(context, `station is ${verdict}: ${problems.join("; ")}`);
    }
    applicant.judged(admitted);
  }
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
