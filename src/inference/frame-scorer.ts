import type { Bank } from "../bank/bundle-read.ts";
import type { BackboneFiles } from "../backbone/manifest.ts";
import { EmbeddingSession } from "../backbone/embedding-session.ts";
import { prepareFrame } from "../backbone/prepare.ts";
import { AnomalyMap, maskOf } from "../patchcore/anomaly-map.ts";
import { imageScore } from "../patchcore/scores.ts";
import { openIndex } from "./open-index.ts";
import type { NearestNeighbours } from "../search/nearest-neighbours.ts";
import { InputError } from "../shared/errors.ts";
import type { RawImage, Region, Rotation } from "../shared/image.ts";
import type { PictureInput } from "./pictures.ts";
import type { InferenceSettings } from "./protocol.ts";

/** What a station may set differently from its bank. */
export interface ScorerOverrides {
  /** `float32`: compare in full precision, to measure the others by; no station asks for it. */
  readonly index?: "auto" | "exact" | "hnsw" | "float32";
  readonly threshold?: number;
  readonly maskThreshold?: number;
  readonly region?: Region;
  readonly rotation?: Rotation;
}

/** One frame's score and what its pictures need. The arrays are the frame's own. */
export interface ScoredFrame {
  readonly score: number;
  readonly threshold: number;
  /** Patch scores over the grid, rows × cols. */
  readonly patchScores: Float32Array;
  readonly prepared: RawImage;
  /** Width over height of the region, after rotation. */
  readonly aspect: number;
  readonly stages: {
    readonly resize: number;
    readonly backbone: number;
    readonly search: number;
    readonly score: number;
  };
}

/**
 * Scores frames against one memory bank: prepare → embed → nearest neighbours → image score. One instance holds the
 * session and the index of one station; calls must not overlap.
 */
export class FrameScorer {
  readonly bank: Bank;
  readonly threshold: number;
  readonly maskThreshold: number;
  readonly #session: EmbeddingSession;
  readonly #index: NearestNeighbours;
  readonly #map: AnomalyMap;
  readonly #region: Region | null;
  readonly #rotation: Rotation;

  private constructor(bank: Bank, session: EmbeddingSession, index: NearestNeighbours, overrides: ScorerOverrides) {
    const { parameters, grid, calibration } = bank.manifest;
    this.bank = bank;
    this.threshold = overrides.threshold ?? calibration.threshold;
    this.maskThreshold = overrides.maskThreshold ?? calibration.maskThreshold;
    this.#session = session;
    this.#index = index;
    this.#region = overrides.region ?? parameters.region;
    this.#rotation = overrides.rotation ?? parameters.rotation;
    this.#map = new AnomalyMap({
      gridRows: grid.rows,
      gridCols: grid.cols,
      height: parameters.resize.height,
      width: parameters.resize.width,
      smoothing: parameters.map.smoothing,
    });
  }

  /** @throws InputError when backbone and bank do not fit each other */
  static async create(
    bank: Bank,
    backbone: BackboneFiles,
    settings: InferenceSettings,
    overrides: ScorerOverrides,
  ): Promise<FrameScorer> {
    const { manifest } = bank;
    const session = await EmbeddingSession.create({
      model: backbone.model,
      manifest: backbone.manifest,
      layers: manifest.parameters.layers,
      neighbourhood: manifest.parameters.neighbourhood,
      join: manifest.parameters.join,
      threads: settings.threads,
      spinning: settings.spinning,
      provider: settings.provider,
    });
    if (session.dims !== manifest.dims) {
      await session.close();
      throw new InputError(
        "wrong-backbone",
        `Expected patch embeddings of ${manifest.dims} dimensions for the bank but backbone ${backbone.manifest.name} gives ${session.dims}`,
        { context: { bank: bank.bankId } },
      );
    }
    if (manifest.parameters.imageScore.kind !== "maximum") {
      await session.close();
      throw new InputError(
        "unsupported-image-score",
        `Expected image score "maximum" of the bank but it asks for "${manifest.parameters.imageScore.kind}"`,
        { context: { bank: bank.bankId } },
      );
    }
    const index = await openIndex(bank, overrides.index ?? "auto", {
      threads: settings.threads,
      spinning: settings.spinning,
    });
    return new FrameScorer(bank, session, index, overrides);
  }

  get provider(): string {
    return this.#session.provider;
  }

  get indexKind(): "exact" | "hnsw" {
    return this.#index.kind === "hnsw" ? "hnsw" : "exact";
  }

  async score(image: RawImage): Promise<ScoredFrame> {
    const { parameters, grid } = this.bank.manifest;
    const begun = performance.now();
    const prepared = await prepareFrame(image, {
      region: this.#region,
      rotation: this.#rotation,
      width: parameters.resize.width,
      height: parameters.resize.height,
    });
    const resized = performance.now();
    const embedding = await this.#session.embed(prepared.data, 1, prepared.height, prepared.width);
    const embedded = performance.now();
    const { distances } = await this.#index.search(embedding.data, grid.rows * grid.cols);
    const searched = performance.now();
    const score = imageScore(distances);
    return {
      score,
      threshold: this.threshold,
      patchScores: distances.slice(0, grid.rows * grid.cols),
      prepared,
      aspect: this.#aspect(image),
      stages: {
        resize: resized - begun,
        backbone: embedded - resized,
        search: searched - embedded,
        score: performance.now() - searched,
      },
    };
  }

  /** Runs a grey picture of the network's input size through everything: the first runs of a session are slow. */
  async warmUp(): Promise<void> {
    const { width, height } = this.bank.manifest.parameters.resize;
    const data = new Uint8Array(width * height * 3).fill(128);
    const embedding = await this.#session.embed(data, 1, height, width);
    const { rows, cols } = this.bank.manifest.grid;
    await this.#index.search(embedding.data, rows * cols);
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
    await this.#index.close();
    await this.#session.close();
  }

  #aspect(image: RawImage): number {
    const { width, height } = this.#region ?? image;
    return this.#rotation % 180 === 0 ? width / height : height / width;
  }
}
