import type { Bank } from "../bank/bundle-read.ts";
import type { BackboneFiles } from "../backbone/manifest.ts";
import type { EmbeddingSession } from "../backbone/embedding-session.ts";
import { FramePreparer } from "../backbone/prepare.ts";
import { resizedTo } from "../bank/parameters.ts";
import { AnomalyMap, maskOf } from "../patchcore/anomaly-map.ts";
import { FrameScoring } from "../patchcore/frame-scoring.ts";
import { asMatrix } from "../patchcore/matrix.ts";
import type { FrameLimits } from "../patchcore/frame-validity.ts";
import { FrameCheck } from "./frame-check.ts";
import type { WantedIndex } from "./open-index.ts";
import type { NearestNeighbours } from "../search/nearest-neighbours.ts";
import { InputError } from "../shared/errors.ts";
import { fetchingMs, type Pixels } from "../shared/pixels.ts";
import type { RawImage, Region, Resize, Rotation } from "../shared/image.ts";
import type { PictureInput } from "./pictures.ts";
import type { InferenceSettings } from "./protocol.ts";
import { ScorerPools, type SharedIndex } from "./scorer-pools.ts";
import type { Lease } from "./shared-pool.ts";

/** What a station may set differently from its bank. */
export interface ScorerOverrides {
  /** `float32`: compare in full precision, to measure the others by; no station asks for it. */
  readonly index?: WantedIndex;
  readonly threshold?: number;
  readonly maskThreshold?: number;
  readonly region?: Region;
  readonly rotation?: Rotation;
  /** Frames beyond these are refused; absent or null: none is. */
  readonly limits?: FrameLimits | null;
  /**
   * Another size of the network's input, so another patch grid over the same rows. The bank's thresholds were
   * calibrated at its own size: give others with it.
   */
  readonly input?: { readonly width: number; readonly height: number };
}

/** One frame's score and what its pictures need. The arrays are the frame's own. */
export interface ScoredFrame {
  readonly score: number;
  readonly threshold: number;
  /** Patch scores over the grid, rows × cols. */
  readonly patchScores: Float32Array;
  readonly prepared: RawImage;
  /** Width over height of what the network sees of the region, after rotation. */
  readonly aspect: number;
  /** ms of fetching its pixels; 0 when they were in memory. */
  readonly readMs: number;
  /** ms */
  readonly stages: {
    readonly resize: number;
    readonly backbone: number;
    readonly search: number;
    readonly score: number;
  };
  /** Patches that were compared with every row of the bank, so that the score is exact; a few at most. */
  readonly verifiedPatches: number;
}

/**
 * Scores frames against one memory bank: prepare → embed → nearest neighbours → verified image score. One instance is of one
 * station; session and index may be others', too, so calls must not overlap, of those that share pools neither.
 */
export class FrameScorer {
  readonly bank: Bank;
  #threshold: number;
  #maskThreshold: number;
  readonly #session: EmbeddingSession;
  readonly #index: NearestNeighbours;
  readonly #leases: readonly Lease<unknown>[];
  readonly #scoring: FrameScoring;
  readonly #map: AnomalyMap;
  readonly #preparer: FramePreparer;
  readonly #region: Region | null;
  readonly #rotation: Rotation;
  #check: FrameCheck | null;
  readonly #resize: Resize;
  readonly #patches: number;

  private constructor(
    bank: Bank,
    session: Lease<EmbeddingSession>,
    index: Lease<SharedIndex>,
    overrides: ScorerOverrides,
  ) {
    const { parameters, calibration, rows, dims } = bank.manifest;
    this.bank = bank;
    this.#threshold = overrides.threshold ?? calibration.threshold;
    this.#maskThreshold = overrides.maskThreshold ?? calibration.maskThreshold;
    this.#session = session.value;
    this.#index = index.value.neighbours;
    this.#leases = [index, session];
    this.#scoring = new FrameScoring(asMatrix(bank.rows, rows, dims), parameters);
    this.#region = overrides.region ?? parameters.region;
    this.#rotation = overrides.rotation ?? parameters.rotation;
    this.#check = overrides.limits ? new FrameCheck(overrides.limits) : null;
    this.#resize = resizeFor(bank, overrides);
    this.#preparer = new FramePreparer({ region: this.#region, rotation: this.#rotation, resize: this.#resize });
    const { width, height } = this.#resize;
    const [gridRows, gridCols] = [height / this.#session.stride, width / this.#session.stride];
    this.#patches = gridRows * gridCols;
    this.#map = new AnomalyMap({ gridRows, gridCols, height, width, smoothing: parameters.map.smoothing });
  }

  /**
   * @param pools of those who share this one's session and index; absent: nobody does
   * @throws InputError "wrong-backbone" when backbone and bank do not fit each other, "bad-frame-size" when the input's
   *   size does not fit the backbone; the errors of `EmbeddingSession.create`
   */
  static async create(
    bank: Bank,
    backbone: BackboneFiles,
    settings: InferenceSettings,
    overrides: ScorerOverrides,
    pools: ScorerPools = new ScorerPools(),
  ): Promise<FrameScorer> {
    const { parameters, dims } = bank.manifest;
    const { layers, neighbourhood, join } = parameters;
    const { model, manifest } = backbone;
    const { threads, spinning } = settings;
    const recipe = { layers, neighbourhood, join, detail: bank.detail };
    const lease = await pools.session({ model, manifest, ...recipe, ...settings });
    try {
      const session = lease.value;
      const context = { context: { bank: bank.bankId } };
      session.checkSize(resizeFor(bank, overrides));
      if (session.dims !== dims) {
        const text = `Expected patch embeddings of ${dims} dimensions for the bank but backbone ${manifest.name} gives ${session.dims}`;
        throw new InputError("wrong-backbone", text, context);
      }
      const index = await pools.index(bank, overrides.index ?? "auto", { threads, spinning });
      return new FrameScorer({ ...bank, ...index.value.arrays }, lease, index, overrides);
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  /**
   * Scores are the same without it and come later. It takes a tenth of a second, and seconds for a large bank, in slices.
   *
   * @param step carries one slice out, when there is time for it; absent: at once
   */
  async learnBounds(step: (slice: () => Promise<boolean>) => Promise<boolean> = (slice) => slice()): Promise<void> {
    const slices = this.#scoring.learnBounds();
    while (await step(() => Promise.resolve(slices.next().done !== true)));
  }

  get threshold(): number {
    return this.#threshold;
  }

  get maskThreshold(): number {
    return this.#maskThreshold;
  }

  /** Between two frames: what needs no other session and no other index. Absent thresholds are the bank's again. */
  adjust({ threshold, maskThreshold, limits }: Pick<ScorerOverrides, "threshold" | "maskThreshold" | "limits">): void {
    const { calibration } = this.bank.manifest;
    this.#threshold = threshold ?? calibration.threshold;
    this.#maskThreshold = maskThreshold ?? calibration.maskThreshold;
    this.#check = limits ? new FrameCheck(limits) : null;
  }

  get provider(): string {
    return this.#session.provider;
  }

  get indexKind(): "exact" | "hnsw" {
    return this.#index.kind === "hnsw" ? "hnsw" : "exact";
  }

  /** @throws InputError of FrameCheck for a frame beyond the limits, and of FramePreparer */
  async score(image: Pixels): Promise<ScoredFrame> {
    const begun = performance.now();
    const fetchedMs = fetchingMs(image);
    const prepared = this.#preparer.prepare(image);
    this.#check?.check(image, prepared);
    const readMs = fetchingMs(image) - fetchedMs;
    const frame = await this.scorePrepared(prepared, begun + readMs);
    return { ...frame, readMs, aspect: this.#aspect(image) };
  }

  /**
   * Scores a picture as the network sees it: no region, rotation, resize or check of the frame.
   *
   * @param prepared of the bank's `resize`, or the size that overrides it
   * @param begun when its preparation began, later by what reading took, performance.now()
   */
  async scorePrepared(prepared: RawImage, begun = performance.now()): Promise<ScoredFrame> {
    const resized = performance.now();
    const embedding = await this.#session.embed(prepared.data, 1, prepared.height, prepared.width);
    const embedded = performance.now();
    const found = await this.#index.search(embedding.data, this.#patches);
    const searched = performance.now();
    const { imageScore, patchScores, verified } = this.#scoring.score(found, embedding.data, this.#patches);
    return {
      score: imageScore,
      threshold: this.threshold,
      patchScores: patchScores.slice(),
      prepared,
      aspect: prepared.width / prepared.height,
      readMs: 0,
      stages: {
        resize: resized - begun,
        backbone: embedded - resized,
        search: searched - embedded,
        score: performance.now() - searched,
      },
      verifiedPatches: verified,
    };
  }

  /** Runs a grey picture of the network's input size through everything: the first runs of a session are slow. */
  async warmUp(): Promise<void> {
    const { width, height } = this.#resize;
    const data = new Uint8Array(width * height * 3).fill(128);
    await this.scorePrepared({ data, width, height, format: "RGB" });
  }

  /** @returns what `drawPictures` needs; the map is a copy, valid for as long as the caller likes */
  pictureInput(frame: ScoredFrame): PictureInput {
    const map = this.#map.compute(frame.patchScores);
    return {
      frame: frame.prepared,
      map: Float32Array.from(map),
      mask: maskOf(map, this.maskThreshold),
      maskThreshold: this.maskThreshold,
      aspect: frame.aspect,
    };
  }

  async close(): Promise<void> {
    for (const lease of this.#leases) await lease.release();
  }

  /** Width over height of what the network sees of the region. */
  #aspect(image: Pixels): number {
    const { mode, width, height } = this.#resize;
    if (mode === "crop") return width / height;
    const region = this.#region ?? image;
    return this.#rotation % 180 === 0 ? region.width / region.height : region.height / region.width;
  }
}

function resizeFor(bank: Bank, { input }: ScorerOverrides): Resize {
  const { resize } = bank.manifest.parameters;
  return input === undefined ? resize : resizedTo(resize, input.width, input.height);
}
