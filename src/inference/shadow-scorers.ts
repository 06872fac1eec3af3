import { BugError, InputError, toWireError } from "../shared/errors.ts";
import type { RawImage } from "../shared/image.ts";
import type { FrameReader } from "./frame-reader.ts";
import type { FrameScorer, ScoredFrame, ScorerOverrides } from "./frame-scorer.ts";
import type { JobLoop } from "./job-loop.ts";
import { drawPictures } from "./pictures.ts";
import type { FromInference, Picture, PictureSettings, ShadowRequest } from "./protocol.ts";

/** A candidate's picture goes to a person, small. */
const THUMBNAIL: PictureSettings = { mask: false, overlay: true, overlayFormat: "jpeg", overlayQuality: 70, size: 160 };
/** The last times that say what a frame takes. */
const TIMES = 5;

interface Shadow {
  readonly scorer: FrameScorer;
  /** ms, the last ones. */
  readonly times: number[];
}

/** What a candidate is asked: the frame that the station's bank has just scored. */
export interface ShadowFrame {
  readonly station: string;
  readonly image: RawImage;
  /** The verdict of the station's bank, by score and threshold. */
  readonly isFail: boolean;
}

export interface ShadowScorersOptions {
  readonly jobs: JobLoop;
  readonly reader: FrameReader;
  readonly send: (message: FromInference) => void;
}

/**
 * Candidates that score the frames of their stations after the station's own bank has. Each request is answered once, and
 * whatever happens to a candidate is its answer alone.
 */
export class ShadowScorers {
  readonly #options: ShadowScorersOptions;
  readonly #shadows = new Map<string, Shadow>();

  constructor(options: ShadowScorersOptions) {
    this.#options = options;
  }

  /** @param frameMs what a frame took in the warm-up. The one before is closed */
  async set(station: string, scorer: FrameScorer, frameMs: number): Promise<void> {
    const previous = this.#shadows.get(station);
    this.#shadows.set(station, { scorer, times: new Array<number>(TIMES).fill(frameMs) });
    await previous?.scorer.close();
  }

  async remove(station: string): Promise<void> {
    const shadow = this.#shadows.get(station);
    this.#shadows.delete(station);
    await shadow?.scorer.close();
  }

  /** What the station sets differently from its bank is set for the candidate, too. */
  adjust(station: string, overrides: (scorer: FrameScorer) => Pick<ScorerOverrides, "threshold" | "limits">): void {
    const scorer = this.#shadows.get(station)?.scorer;
    scorer?.adjust(overrides(scorer));
  }

  /** The frame is not scored by the candidate. */
  skip({ id }: ShadowRequest): void {
    this.#options.send({ type: "shadow-scored", id, scored: null });
  }

  /** @param frame its image was read last; it is kept until the candidate is through with it */
  ask(request: ShadowRequest, frame: ShadowFrame): void {
    const { jobs, reader } = this.#options;
    const shadow = this.#shadows.get(frame.station);
    if (shadow === undefined) {
      this.skip(request);
      return;
    }
    reader.keep();
    jobs.addShadow({
      station: frame.station,
      expectedMs: medianOf(shadow.times),
      run: async () => {
        await this.#answer(request, frame);
        reader.giveBack(frame.image);
      },
      drop: () => {
        reader.giveBack(frame.image);
        this.skip(request);
      },
    });
  }

  async #answer(request: ShadowRequest, frame: ShadowFrame): Promise<void> {
    const { send } = this.#options;
    try {
      send(await this.#score(request, frame));
    } catch (error) {
      send({ type: "failed", id: request.id, error: toWireError(error) });
    }
  }

  async #score({ id, wantsThumbnail }: ShadowRequest, frame: ShadowFrame): Promise<FromInference> {
    const shadow = this.#shadows.get(frame.station);
    // It was given up while the frame waited.
    if (shadow === undefined) return { type: "shadow-scored", id, scored: null };
    const { scorer, times } = shadow;
    const begun = performance.now();
    const scored = await scorer.score(frame.image);
    const tookMs = performance.now() - begun;
    times.push(tookMs);
    times.shift();
    const { score, threshold } = scored;
    if (!Number.isFinite(score)) {
      throw new InputError("shadow-score", `Expected a number for the candidate's score but it is ${score}`);
    }
    const isFlip = score > threshold !== frame.isFail;
    const thumbnail = wantsThumbnail && isFlip ? await thumbnailOf(scorer, scored) : null;
    const bankId = scorer.bank.bankId;
    return { type: "shadow-scored", id, scored: { bankId, score, threshold, tookMs, thumbnail } };
  }
}

async function thumbnailOf(scorer: FrameScorer, frame: ScoredFrame): Promise<Picture> {
  const { overlay } = await drawPictures(scorer.pictureInput(frame), THUMBNAIL, 0);
  if (overlay === undefined) throw new BugError("no-thumbnail", "Expected an overlay but none was drawn");
  return overlay;
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
