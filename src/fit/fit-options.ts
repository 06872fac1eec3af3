import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { BackboneFiles } from "../backbone/manifest.ts";
import { checkBankName } from "../bank/bank-id.ts";
import type { BankParameters } from "../bank/manifest.ts";
import { ConfigError, DeviceError, InputError, reasonOf } from "../shared/errors.ts";
import type { CalibrationMode } from "./calibrate.ts";
import type { FitNeed, FitSize } from "./memory.ts";
import type { Progress } from "./progress.ts";

/** Calibration needs one image to score and one to score it against. */
const FEWEST_IMAGES = 2;

export interface FitOptions {
  /** Nominal images, in the order in which they were taken. */
  readonly files: readonly string[];
  /** Where the bank goes. */
  readonly out: string;
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Program and version. */
  readonly createdBy: string;
  readonly parameters: BankParameters;
  readonly backbone: BackboneFiles;
  /** α of the calibration, in (0, 1). */
  readonly falseRejectRate: number;
  /** Absent: `per-fold` where its coresets cost little, else `masked`. */
  readonly calibration?: CalibrationMode;
  readonly index: "auto" | "exact" | "hnsw";
  readonly onBroken: "refuse" | "skip";
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Told before anything large is taken. */
  readonly onPlan?: (plan: FitPlan) => void;
  /**
   * Folder that keeps patch embeddings for further fits; absent: `OUT.embeddings`, which is kept when the fit does not
   * come to its end and removed when it does.
   */
  readonly cache?: string;
  /** Memory that the fit may take, bytes; absent: what the machine says is available. */
  readonly availableBytes?: number;
}

/** What a fit is going to do and take. */
export interface FitPlan extends FitSize, FitNeed {
  /** Where the embeddings lie. */
  readonly folder: string;
  /** Images whose embeddings lie there already. */
  readonly reused: number;
}

/**
 * Distances, patches times rows, up to which five further coresets cost some seconds; masking would make the scores, and
 * with them the threshold, a tenth too high.
 */
const FEW_DISTANCES = 1e8;

/** @returns how the calibration scores the nominal images */
export function calibrationMode(
  { calibration }: Pick<FitOptions, "calibration">,
  { images, patchesPerImage, rows }: FitSize,
): CalibrationMode {
  return calibration ?? (images * patchesPerImage * rows <= FEW_DISTANCES ? "per-fold" : "masked");
}

/** @returns the folder of embeddings of a fit that names none */
export function defaultCache(out: string): string {
  return `${out}.embeddings`;
}

/** @throws ConfigError "bank-name" …; DeviceError "bank-write"; InputError "too-few-images" */
export async function checkOptions({ files, out, name, falseRejectRate, parameters }: FitOptions): Promise<void> {
  checkBankName(name);
  if (!(falseRejectRate > 0 && falseRejectRate < 1)) {
    throw new ConfigError(
      "false-reject-rate",
      `Expected a false-reject rate between 0 and 1 but received ${falseRejectRate}`,
    );
  }
  const { budget } = parameters.coreset;
  if (budget.kind === "ratio" && !(budget.ratio > 0 && budget.ratio <= 1)) {
    const { ratio } = budget;
    throw new ConfigError("sampling-ratio", `Expected a sampling ratio above 0 and at most 1 but received ${ratio}`);
  }
  checkImageCount(files.length, files.length);
  // A fit takes minutes; that its result could not be written should not be its last word.
  try {
    await access(dirname(out), constants.W_OK);
  } catch (cause) {
    throw new DeviceError(
      "bank-write",
      `Expected a folder that can be written for the bank ${out} but received: ${reasonOf(cause)}`,
      { cause },
    );
  }
  const there = await stat(out).catch(() => null);
  if (there !== null && !there.isFile()) {
    throw new DeviceError("bank-write", `Expected to write the bank to ${out} but there is something that is no file`);
  }
}

/** @throws InputError "too-few-images" */
export function checkImageCount(usable: number, given: number): void {
  if (usable >= FEWEST_IMAGES) return;
  const of = usable === given ? "" : ` (of ${given} files)`;
  throw new InputError(
    "too-few-images",
    `Expected at least ${FEWEST_IMAGES} nominal images for a fit but received ${usable}${of}`,
  );
}
