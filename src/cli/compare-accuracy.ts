import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeImageFile } from "../backbone/decode.ts";
import type { BackboneFiles } from "../backbone/manifest.ts";
import { readBank } from "../bank/bundle-read.ts";
import { presetParameters } from "../bank/parameters.ts";
import { listTrainImages, readMvtecFolder } from "../evaluation/mvtec-folder.ts";
import { fitBank } from "../fit/fit-bank.ts";
import { FrameScorer } from "../inference/frame-scorer.ts";
import { auroc } from "../patchcore/metrics.ts";
import { InputError } from "../shared/errors.ts";
import { evenlySpread } from "../shared/evenly-spread.ts";
import type { CompareOptions } from "./compare-latency.ts";

/** Of the comparison's calibration, whose threshold plays no part in an AUROC. */
const FALSE_REJECT_RATE = 0.01;

/** Labelled images, by path. */
export interface Dataset {
  readonly train: readonly string[];
  readonly test: readonly TestImage[];
}

export interface TestImage {
  readonly file: string;
  readonly anomalous: boolean;
}

export interface DatasetOptions extends CompareOptions {
  readonly dataset: Dataset;
  readonly size: number;
  readonly createdBy: string;
  readonly onStage: (text: string) => void;
}

export interface Accuracy {
  /** Image AUROC, 0 to 1. */
  readonly before: number;
  readonly after: number;
  readonly trainImages: number;
  readonly testImages: { readonly nominal: number; readonly anomalous: number };
}

/**
 * Fits a bank and scores all test images with each backbone, everything else equal.
 *
 * @throws the errors of fit and score
 */
export async function compareAccuracy(options: DatasetOptions): Promise<Accuracy> {
  const { train, test } = options.dataset;
  const labels = test.map(({ anomalous }) => anomalous);
  const scores = { before: [] as number[], after: [] as number[] };
  for (const key of ["before", "after"] as const) {
    options.onStage(`${options[key].manifest.name}: fit on ${train.length} images, score ${test.length}`);
    scores[key] = await scoresOf(options[key], train, test, options);
  }
  const anomalous = labels.filter(Boolean).length;
  return {
    before: auroc(scores.before, labels),
    after: auroc(scores.after, labels),
    trainImages: train.length,
    testImages: { nominal: labels.length - anomalous, anomalous },
  };
}

/**
 * @param dataset folder in MVTec's layout: train/good, test/good, test/<defect>
 * @param trainImages so many of the training images, evenly spread over the sorted files
 * @throws InputError "one-kind" when all test images are nominal or all anomalous; the errors of `readMvtecFolder`
 */
export async function readDataset(dataset: string, trainImages: number): Promise<Dataset> {
  const { images } = await readMvtecFolder(dataset);
  const test = images.map(({ file, defect }) => ({ file, anomalous: defect !== null }));
  const anomalous = test.filter((one) => one.anomalous).length;
  if (anomalous === 0 || anomalous === test.length) {
    const text = `Expected test/good and at least one test/<defect> in ${dataset} but found ${test.length} images of one kind`;
    throw new InputError("one-kind", text);
  }
  return { train: evenlySpread(await listTrainImages(dataset), trainImages), test };
}

async function scoresOf(
  backbone: BackboneFiles,
  train: readonly string[],
  test: readonly TestImage[],
  { layers, size, threads, signal, createdBy }: DatasetOptions,
): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-compare-"));
  try {
    const out = join(folder, "compare.bank");
    await fitBank({
      files: train,
      out,
      name: "compare",
      createdAt: new Date().toISOString(),
      createdBy,
      parameters: presetParameters("edge", { layers, size }),
      backbone,
      falseRejectRate: FALSE_REJECT_RATE,
      index: "exact",
      onBroken: "refuse",
      threads,
      signal,
    });
    const scorer = await FrameScorer.create(
      await readBank(out),
      backbone,
      { threads, spinning: false, provider: "cpu" },
      {},
    );
    try {
      const scores: number[] = [];
      for (const { file } of test) {
        signal.throwIfAborted();
        scores.push((await scorer.score(await decodeImageFile(file))).score);
      }
      return scores;
    } finally {
      await scorer.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}
