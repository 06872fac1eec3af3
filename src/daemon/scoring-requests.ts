import type { StationConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import { reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { StationEvent } from "../station/events.ts";
import { reasonFor } from "./failed-scoring.ts";
import type { PartRecords } from "./part-records.ts";
import type { ShadowRun } from "./shadow-run.ts";
import type { StationFrames } from "./station-frames.ts";
import { stationId } from "./station-settings.ts";

export interface ScoringRequestsOptions {
  readonly station: () => StationConfig;
  readonly frames: StationFrames;
  readonly records: PartRecords;
  /** The bank that may score beside the station's own. */
  readonly shadow: Pick<ShadowRun, "request" | "asked">;
  /** Told of each score, and of each that does not come. */
  readonly handle: (event: StationEvent) => void;
  /** A frame took so long in the inference process, ms. */
  readonly onFrame: (tookMs: number) => void;
  readonly logger: Logger;
}

/** Has the station's frames scored, and tells its machine what came of each. */
export class ScoringRequests {
  readonly #options: ScoringRequestsOptions;
  /** The station's inference process; undefined: there is none now. */
  client: InferenceClient | undefined;

  constructor(options: ScoringRequestsOptions) {
    this.#options = options;
  }

  request(frameId: number, deadlineAtMs: number): void {
    const { frames, records, shadow, handle, onFrame } = this.#options;
    const frame = frames.get(frameId);
    const { client } = this;
    if (frame === undefined || client === undefined) {
      // The machine asks only for frames that it holds, from a process that it was told of. It asked out of an event:
      // the answer waits until it is through with that one.
      queueMicrotask(() => handle({ type: "score-failed", frameId, reason: "inference-lost" }));
      return;
    }
    const station = this.#options.station();
    const wantsPictures = station.pictures.mask || station.pictures.overlay;
    const asked = shadow.request();
    const scoring = client.score(stationId(station), frame, deadlineAtMs, wantsPictures, asked);
    if (asked !== null) shadow.asked(frameId, scoring.shadow);
    records.scoringBegun(frameId, scoring);
    scoring.scored.then(
      ({ score, threshold, bankId, startedAtMs, finishedAtMs }) => {
        handle({ type: "scored", frameId, score, threshold, bankId });
        onFrame(finishedAtMs - startedAtMs);
      },
      (error: unknown) => this.#failed(frameId, client, error),
    );
  }

  #failed(frameId: number, client: InferenceClient, error: unknown): void {
    const { logger, station, handle } = this.#options;
    logger.warn({ station: stationId(station()), frameId }, `frame was not scored: ${reasonOf(error)}`);
    // Of a process that is gone, `inferenceDown` tells; it decides all frames at once.
    if (this.client !== client || client.gone) return;
    handle({ type: "score-failed", frameId, reason: reasonFor(error) });
  }
}
