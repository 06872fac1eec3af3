import type { Pictures, Scored } from "../inference/protocol.ts";
import type { Outcome } from "../station/outcome.ts";

/** What became of one frame at the inference process; settled when nothing more will come. */
export interface Scoring {
  readonly scored: Promise<Scored>;
  readonly pictures: Promise<Pictures | null>;
}

export interface FinishedPart {
  readonly outcome: Outcome;
  /** Absent when the frame was not scored, or its score was lost. */
  readonly scored?: Scored;
  readonly pictures?: Pictures;
  /** The score came although the outcome had been decided without it. */
  readonly late: boolean;
}

/**
 * Joins each outcome with what is still to come for its frame (late score, pictures) for the record of the part. The
 * record leaves when all of it is known; the waits are bounded by the deadlines of the inference client.
 */
export class PartRecords {
  readonly #scorings = new Map<number, Scoring>();
  readonly #finish: (part: FinishedPart) => Promise<void>;
  readonly #open = new Set<Promise<void>>();

  constructor(finish: (part: FinishedPart) => Promise<void>) {
    this.#finish = finish;
  }

  /** A frame was handed to the inference process. */
  scoringBegun(frameId: number, scoring: Scoring): void {
    this.#scorings.set(frameId, scoring);
  }

  /** The part of a frame was decided; `finish` follows once its scoring has settled. */
  decided(outcome: Outcome): void {
    const scoring = outcome.frameId === null ? undefined : this.#scorings.get(outcome.frameId);
    if (outcome.frameId !== null) this.#scorings.delete(outcome.frameId);
    const work = this.#settle(outcome, scoring);
    this.#open.add(work);
    void work.finally(() => this.#open.delete(work));
  }

  /** Resolves when every decided part has been finished. */
  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #settle(outcome: Outcome, scoring: Scoring | undefined): Promise<void> {
    if (scoring === undefined) return this.#finish({ outcome, late: false });
    // A failed scoring is an outcome of its own (NO_VERDICT with its reason), decided by the station.
    const scored = await scoring.scored.catch(() => null);
    const pictures = scored === null ? null : await scoring.pictures;
    await this.#finish({
      outcome,
      ...(scored === null ? {} : { scored }),
      ...(pictures === null ? {} : { pictures }),
      late: scored !== null && outcome.score === null,
    });
  }
}
