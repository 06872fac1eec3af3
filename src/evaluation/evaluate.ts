import { decodeImageFile } from "../backbone/decode.ts";
import type { FrameScorer, ScoredFrame } from "../inference/frame-scorer.ts";
import { PixelMetrics, type PixelReport } from "../patchcore/pixel-metrics.ts";
import { InputError, NominalError } from "../shared/errors.ts";
import type { RawImage } from "../shared/image.ts";
import { ApproximationCost, type Searched } from "./approximation.ts";
import type { EvaluatedBank, EvaluatedImage, Evaluation, Latency, SearchKind, UnusableImage } from "./evaluation.ts";
import { readTruth } from "./ground-truth.ts";
import { defectMetrics, errorRates, imageMetrics, latencyOf, thresholdBelow } from "./image-metrics.ts";
import { machineName } from "./machine.ts";
import type { LabelledImage, LabelledSet } from "./labelled-images.ts";

export interface EvaluateOptions {
  readonly set: LabelledSet;
  /** Scores the images; open for as long as the evaluation runs. */
  readonly scorer: FrameScorer;
  /** Scorers of the same bank for every kind of search, to tell what approximation costs; null: not asked for. */
  readonly bySearch: Readonly<Record<SearchKind, FrameScorer>> | null;
  readonly signal: AbortSignal;
  readonly onImage?: (done: number, total: number) => void;
  /** Memory that the pixel metrics may take, bytes; absent: what the machine says is available. */
  readonly availableBytes?: number;
}

/** What a pixel costs: kept as float32, and once more while it is sorted. */
const BYTES_PER_PIXEL = 8;

/**
 * Scores labelled images as a station would and measures the result against their truth. One image is in memory at a
 * time; of its anomaly map the values stay, for the pixel metrics.
 *
 * @throws InputError "no-images" when none could be scored, "evaluation-too-large"; the signal's reason
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { set, scorer, signal } = options;
  const run = new EvaluationRun(options);
  for (const [index, image] of set.images.entries()) {
    signal.throwIfAborted();
    await run.add(image);
    options.onImage?.(index + 1, set.images.length);
  }
  if (run.images.length === 0) {
    const [first] = run.unusable;
    const reason = first === undefined ? "there is none" : `${run.unusable.length} cannot be used: ${first.reason}`;
    throw new InputError("no-images", `Expected images to evaluate in ${set.name} but ${reason}`);
  }
  return run.finish(describeBank(scorer));
}

class EvaluationRun {
  readonly images: EvaluatedImage[] = [];
  readonly unusable: UnusableImage[] = [];
  readonly #options: EvaluateOptions;
  readonly #pixels: PixelMetrics;
  readonly #cost: ApproximationCost;
  readonly #stageMs = new Map<string, number[]>();
  #withMask = 0;
  #emptyMasks = 0;

  constructor(options: EvaluateOptions) {
    this.#options = options;
    const { width, height } = options.scorer.bank.manifest.parameters.resize;
    const nominalImages = options.set.images.filter(({ defect }) => defect === null).length;
    const anomalousImages = options.set.images.filter(({ mask }) => mask !== null).length;
    // Without a single mask there is nothing to compare the maps with.
    const size = { nominalImages: anomalousImages === 0 ? 0 : nominalImages, anomalousImages, width, height };
    checkMemory(size, options.availableBytes ?? process.availableMemory());
    this.#pixels = new PixelMetrics(size);
    this.#cost = new ApproximationCost(options.scorer.threshold);
  }

  async add(image: LabelledImage): Promise<void> {
    const scored = await this.#guarded(image.file, () => this.#score(image));
    if (scored === null) return;
    const { frame, decoded } = scored;
    const map = this.#options.scorer.pictureInput(frame).map;
    const { mask } = image;
    if (mask !== null) await this.#guarded(mask, () => this.#addTruth(mask, decoded, map));
    else if (image.defect === null && this.#pixels.takesNominal) this.#pixels.addNominal(map);
  }

  finish(bank: EvaluatedBank): Evaluation {
    const pixels = this.#pixels.compute();
    const metrics = imageMetrics(this.images);
    const nominal = this.images.filter(({ defect }) => defect === null).length;
    return {
      format: "nominald-evaluation",
      formatVersion: 1,
      bank,
      dataset: {
        name: this.#options.set.name,
        nominal,
        anomalous: this.images.length - nominal,
        withMask: this.#withMask,
        emptyMasks: this.#emptyMasks,
        unusable: this.unusable,
      },
      ...metrics,
      ...namedPixels(pixels),
      pixels,
      atThreshold: errorRates(this.images, bank.threshold),
      atF1Max:
        metrics.f1Max === null ? null : errorRates(this.images, thresholdBelow(this.images, metrics.f1Max.threshold)),
      defects: defectMetrics(this.images, bank.threshold),
      latencyMs: { total: latencyOf(this.images.map(({ ms }) => ms)), stages: this.#stages() },
      machine: machineName(),
      approximation: this.#options.bySearch === null ? null : this.#cost.result(),
      images: this.images,
    };
  }

  /** Runs what may fail by a wrong file; such a file is listed and the others go on. Anything else ends the run. */
  async #guarded<T>(file: string, use: () => Promise<T>): Promise<T | null> {
    try {
      return await use();
    } catch (error) {
      if (!(error instanceof NominalError) || error.faultClass !== "input") throw error;
      this.unusable.push({ file, code: error.code, reason: error.message });
      return null;
    }
  }

  async #score(image: LabelledImage): Promise<{ readonly frame: ScoredFrame; readonly decoded: RawImage }> {
    const { scorer, bySearch } = this.#options;
    const decoded = await decodeImageFile(image.file);
    const begun = performance.now();
    const frame = await scorer.score(decoded);
    const ms = performance.now() - begun;
    if (bySearch !== null) this.#cost.add(image.defect, await searchedByAll(bySearch, decoded));
    for (const [stage, duration] of Object.entries(frame.stages)) {
      const durations = this.#stageMs.get(stage) ?? [];
      durations.push(duration);
      this.#stageMs.set(stage, durations);
    }
    const verdict = frame.score > frame.threshold ? "FAIL" : "PASS";
    this.images.push({ ...image, score: frame.score, verdict, ms });
    return { frame, decoded };
  }

  async #addTruth(mask: string, frame: RawImage, map: Float32Array): Promise<void> {
    const truth = await readTruth(mask, frame, this.#options.scorer.bank.manifest.parameters);
    this.#withMask++;
    if (!truth.includes(255)) this.#emptyMasks++;
    this.#pixels.addAnomalous(map, truth);
  }

  #stages(): Record<string, Latency> {
    return Object.fromEntries([...this.#stageMs].map(([stage, durations]) => [stage, latencyOf(durations)]));
  }
}

async function searchedByAll(
  scorers: Readonly<Record<SearchKind, FrameScorer>>,
  image: RawImage,
): Promise<Record<SearchKind, Searched>> {
  const by = async (scorer: FrameScorer): Promise<Searched> => {
    const { score, patchScores, stages, verifiedPatches } = await scorer.score(image);
    return { score, patchScores, searchMs: stages.search, verified: verifiedPatches };
  };
  return { float32: await by(scorers.float32), exact: await by(scorers.exact), hnsw: await by(scorers.hnsw) };
}

function namedPixels(pixels: PixelReport): Pick<Evaluation, "pixelAuroc" | "pixelAurocAnomalous" | "pro"> {
  return { pixelAuroc: pixels.auroc, pixelAurocAnomalous: pixels.aurocAnomalous, pro: pixels.pro };
}

function checkMemory(
  size: { nominalImages: number; anomalousImages: number; width: number; height: number },
  available: number,
): void {
  const pixels = (size.nominalImages + size.anomalousImages) * size.width * size.height;
  if (pixels * BYTES_PER_PIXEL <= available) return;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  throw new InputError(
    "evaluation-too-large",
    `Expected pixel metrics to fit into ${megabytes(available)} of memory but ${pixels} pixels take ${megabytes(pixels * BYTES_PER_PIXEL)}; evaluate fewer images at a time`,
  );
}

function describeBank(scorer: FrameScorer): EvaluatedBank {
  const { bank, threshold, maskThreshold } = scorer;
  const { parameters, backbone, rows, dims, nominal, calibration } = bank.manifest;
  return {
    bankId: bank.bankId,
    preset: parameters.preset,
    backbone: backbone.name,
    layers: parameters.layers,
    width: parameters.resize.width,
    height: parameters.resize.height,
    rows,
    dims,
    nominalImages: nominal.images,
    falseRejectRate: calibration.falseRejectRate,
    threshold,
    maskThreshold,
    index: scorer.indexKind,
  };
}
