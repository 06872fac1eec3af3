import type { ShadowTerms } from "../bank/offer.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { LoadBank, Picture, ShadowRequest, ShadowScored } from "../inference/protocol.ts";
import type { Clock } from "../shared/clock.ts";
import { NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { Outcome } from "../station/outcome.ts";
import { asNominal } from "./delivery-problem.ts";
import type { DeliveryProgress, Reason } from "./delivery-state.ts";
import { ShadowStatistics, type JudgedOutcome, type ShadowFlip } from "./shadow-statistics.ts";

/** A flip as the topic `bank/flip` tells it. */
export interface ShadowFlipDocument extends ShadowFlip {
  readonly version: 1;
  readonly activeBankId: string | null;
  readonly candidateBankId: string;
  /** The frame, with the candidate's anomaly map over it; null when it was not drawn. */
  readonly thumbnail: { readonly contentType: string; readonly sha256: string; readonly base64: string } | null;
}

export interface ShadowRunOptions {
  readonly station: string;
  /** What the inference process is told of the candidate now. */
  readonly settings: () => LoadBank;
  /** As it is now: a candidate whose frames take longer than half of it is given up. */
  readonly deadlineMs: () => number;
  readonly onStep: (change: Pick<DeliveryProgress, "percent" | "shadow">) => void;
  /** The candidate is given up. */
  readonly onFailed: (reason: Reason) => void;
  readonly publishFlip: (flip: ShadowFlipDocument) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Figures are told at most so often, ms. */
const EVERY_MS = 1_000;
/** At most one flip is told in so long, ms; all are counted. */
const FLIP_EVERY_MS = 1_000;
/** So many frames in a row that fail, or are slow, end it. */
const MOST_IN_A_ROW = 3;
const MOST_INFERENCE_LOSSES = 1;
/** Codes of what befalls the process and not the candidate. */
const PROCESS_CODES: ReadonlySet<string> = new Set(["inference-lost", "inference-closed"]);

interface Run {
  readonly terms: ShadowTerms;
  readonly startedAtMs: number;
  readonly statistics: ShadowStatistics;
  failedInARow: number;
  slowInARow: number;
  losses: number;
}

type Answer = { readonly scored: ShadowScored | null } | { readonly error: unknown };

/**
 * A candidate beside the active bank: it scores the frames of the station's parts after the active bank has, when there is
 * time, and what it says is counted. It gives no verdict, and whatever happens to it ends it alone.
 */
export class ShadowRun {
  readonly #options: ShadowRunOptions;
  /** Of frames whose part is not decided yet, by the daemon's name of the frame. */
  readonly #asked = new Map<number, Promise<Answer>>();
  #run: Run | null = null;
  #client: InferenceClient | undefined;
  /** The client in which the candidate is loaded. */
  #loadedIn: InferenceClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #toldPercent = -1;
  #changed = false;
  #flipToldAtMs = -Infinity;

  constructor(options: ShadowRunOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#run !== null;
  }

  /** Counts begin anew. */
  begin(terms: ShadowTerms): void {
    const startedAtMs = this.#options.clock.monotonicMs();
    this.#run = { terms, startedAtMs, statistics: new ShadowStatistics(), failedInARow: 0, slowInARow: 0, losses: 0 };
    this.#toldPercent = -1;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tell(), EVERY_MS);
    this.#tell();
    if (this.#client !== undefined) void this.#load(this.#client);
  }

  /** The candidate is asked no more, and the process gives it up. */
  end(): void {
    if (this.#run === null) return;
    this.close();
    this.#run = null;
    this.#asked.clear();
    this.#loadedIn = undefined;
    const { station, logger } = this.#options;
    this.#client?.unloadShadow(station).catch((error: unknown) => {
      // A process that is lost meanwhile has given it up, too.
      const { code, message } = asNominal(error);
      logger.info({ station, code }, `the candidate was not given up: ${message}`);
    });
  }

  /** Nothing more is told. */
  close(): void {
    clearInterval(this.#timer);
  }

  /** The active bank is loaded in this process, with the settings of now. */
  attached(client: InferenceClient): void {
    this.#client = client;
    if (this.#run !== null) void this.#load(client);
  }

  inferenceLost(): void {
    this.#client = undefined;
    this.#loadedIn = undefined;
    const run = this.#run;
    if (run === null) return;
    run.losses++;
    if (run.losses <= MOST_INFERENCE_LOSSES) return;
    this.#giveUp("shadow-inference", `Expected the inference process to live but it was lost ${run.losses} times`);
  }

  /** @returns what a frame's request to score says of the candidate; null: it is not asked */
  request(): Omit<ShadowRequest, "id"> | null {
    if (this.#run === null || this.#loadedIn === undefined) return null;
    return { wantsThumbnail: this.#isFlipDue() };
  }

  /** @param shadow the answer that is to come for a frame whose part is not decided yet */
  asked(frameId: number, shadow: Promise<ShadowScored | null>): void {
    const answer = shadow.then(
      (scored): Answer => ({ scored }),
      (error: unknown): Answer => ({ error }),
    );
    this.#asked.set(frameId, answer);
  }

  /** A part was decided, without the candidate. */
  outcome(outcome: Outcome): void {
    if (outcome.frameId === null) return;
    const answer = this.#asked.get(outcome.frameId);
    this.#asked.delete(outcome.frameId);
    const run = this.#run;
    if (answer === undefined || run === null || !isJudged(outcome)) return;
    void answer.then((what) => this.#heard(run, outcome, what));
  }

  async #load(client: InferenceClient): Promise<void> {
    const { station, settings, logger } = this.#options;
    const run = this.#run;
    this.#loadedIn = undefined;
    const isCurrent = (): boolean => this.#run === run && this.#client === client;
    try {
      const { bankId } = await client.loadShadow(settings());
      if (!isCurrent()) return;
      this.#loadedIn = client;
      logger.info({ station, bank: bankId }, "the candidate scores beside the active bank");
    } catch (error) {
      if (!(error instanceof NominalError)) throw error;
      // Of a process that is gone, `inferenceLost` tells; the next one loads it again.
      if (isCurrent() && !client.gone) this.#giveUp(error.code, error.message);
    }
  }

  #heard(run: Run, outcome: JudgedOutcome, answer: Answer): void {
    if (this.#run !== run) return;
    this.#changed = true;
    if ("error" in answer) this.#threw(run, asNominal(answer.error));
    else if (answer.scored === null) run.statistics.dropped();
    else this.#scored(run, outcome, answer.scored);
  }

  #threw(run: Run, { code, message }: NominalError): void {
    if (PROCESS_CODES.has(code)) {
      run.statistics.dropped();
      return;
    }
    run.statistics.failed();
    run.failedInARow++;
    if (run.failedInARow < MOST_IN_A_ROW) return;
    const text = `Expected the candidate to score the station's frames but ${run.failedInARow} in a row failed, with ${code}: ${message}`;
    this.#giveUp("shadow-scoring", text);
  }

  #scored(run: Run, outcome: JudgedOutcome, scored: ShadowScored): void {
    const mostMs = this.#options.deadlineMs() / 2;
    const isSlow = scored.tookMs > mostMs;
    run.failedInARow = 0;
    run.slowInARow = isSlow ? run.slowInARow + 1 : 0;
    const flip = run.statistics.scoredBoth(outcome, scored, isSlow);
    if (flip !== null) this.#publishFlip(flip, outcome.bankId, scored);
    if (run.slowInARow < MOST_IN_A_ROW) return;
    const text = `Expected a frame within ${Math.floor(mostMs)} ms but ${run.slowInARow} in a row took longer, the last ${Math.ceil(scored.tookMs)} ms`;
    this.#giveUp("shadow-slow", text);
  }

  #publishFlip(flip: ShadowFlip, activeBankId: string | null, { bankId, thumbnail }: ShadowScored): void {
    if (!this.#isFlipDue()) return;
    this.#flipToldAtMs = this.#options.clock.monotonicMs();
    const picture = thumbnail === null ? null : encoded(thumbnail);
    this.#options.publishFlip({ version: 1, ...flip, activeBankId, candidateBankId: bankId, thumbnail: picture });
  }

  #isFlipDue(): boolean {
    return this.#options.clock.monotonicMs() - this.#flipToldAtMs >= FLIP_EVERY_MS;
  }

  /** What it came to is told before it ends. */
  #giveUp(code: string, message: string): void {
    this.#changed = true;
    this.#tell();
    this.end();
    this.#options.onFailed({ code, message });
  }

  #tell(): void {
    const run = this.#run;
    if (run === null) return;
    const { terms, startedAtMs, statistics } = run;
    const elapsedMs = this.#options.clock.monotonicMs() - startedAtMs;
    const share = Math.max(statistics.scored / terms.parts, elapsedMs / (terms.seconds * 1_000));
    const percent = Math.min(100, Math.floor(100 * share));
    if (percent === this.#toldPercent && !this.#changed) return;
    this.#toldPercent = percent;
    this.#changed = false;
    const awaits = percent < 100 ? "parts" : "decision";
    this.#options.onStep({ percent, shadow: { awaits, ...terms, figures: statistics.figures() } });
  }
}

function isJudged(outcome: Outcome): outcome is JudgedOutcome {
  return outcome.verdict !== "NO_VERDICT" && outcome.score !== null && outcome.threshold !== null;
}

function encoded({ contentType, sha256, data }: Picture): ShadowFlipDocument["thumbnail"] {
  return { contentType, sha256, base64: Buffer.from(data).toString("base64") };
}
