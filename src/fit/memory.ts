import { InputError } from "../shared/errors.ts";

const FLOAT_BYTES = 4;
const DOUBLE_BYTES = 8;

/** An ArrayBuffer of Node 20 ends here; newer ones go further, but what one machine fits another should too. */
const LARGEST_ARRAY_BYTES = 4 * 1024 ** 3;

/** The two processes themselves, the backbone and its feature maps, decoded pictures of 20 megapixels. */
const BASE_BYTES = 500 * 1024 ** 2;

/** Images' embeddings that are under way: one being made, one being read, one written. */
const IMAGES_IN_FLIGHT = 4;

/**
 * What the choice keeps of a row besides its projection: float64 and int32. A second copy of the projections serves the
 * coreset of a calibration fold.
 */
const CHOICE_BYTES_PER_ROW = 8 + 4;

/** What exact search found for a patch, kept for the comparison of indexes: distance and row of the nearest. */
const FOUND_BYTES_PER_PATCH = 8;

/**
 * What the calibration keeps of a value of the memory bank: the bank itself (float32, int8), a fold's rows (the same
 * again), and these transposed for the search (float32). The quantiser's sorting needs less.
 */
const BANK_BYTES_PER_VALUE = 4 + 1 + 4 + 1 + 4;

export interface FitSize {
  readonly images: number;
  readonly patchesPerImage: number;
  readonly dims: number;
  /** Dimensions that the coreset's distances are taken in; 0: none are taken. */
  readonly coresetDims: number;
  /** Rows that the bank will have. */
  readonly rows: number;
}

/** What a fit will take, before it has taken anything; bytes. */
export interface FitNeed {
  /** Memory at its peak, both processes together. */
  readonly memory: number;
  /** Patch embeddings, on the disk. */
  readonly disk: number;
}

/** @returns what a fit needs; the embeddings themselves never lie in memory */
export function needOf({ images, patchesPerImage, dims, coresetDims, rows }: FitSize): FitNeed {
  const image = patchesPerImage * dims * FLOAT_BYTES;
  const patches = images * patchesPerImage;
  const choosing =
    coresetDims === 0
      ? 0
      : patches * (2 * coresetDims * FLOAT_BYTES + CHOICE_BYTES_PER_ROW) + 3 * rows * coresetDims * 4;
  const calibrating = rows * dims * BANK_BYTES_PER_VALUE + patches * FOUND_BYTES_PER_PATCH;
  return {
    memory: BASE_BYTES + IMAGES_IN_FLIGHT * image + Math.max(choosing, calibrating),
    disk: images * image,
  };
}

/**
 * Refuses a fit that the machine cannot hold, before it has cost time.
 *
 * @param availableBytes memory that this process may still take
 * @throws InputError "fit-too-large" that says what is needed, what there is, and what would make it smaller
 */
export function checkMemory(size: FitSize, availableBytes: number): void {
  const { images, patchesPerImage, dims, coresetDims, rows } = size;
  const { memory } = needOf(size);
  const projections = images * patchesPerImage * coresetDims * FLOAT_BYTES;
  // The quantiser sorts all values of the bank in float64.
  const bank = rows * dims * DOUBLE_BYTES;
  const fits = Math.max(projections, bank) <= LARGEST_ARRAY_BYTES;
  if (memory <= availableBytes && fits) return;
  const limit = fits ? "" : ` and no array above ${gib(LARGEST_ARRAY_BYTES)}`;
  throw new InputError(
    "fit-too-large",
    `Expected a fit that fits into the available memory (${gib(availableBytes)})${limit} but ${images} images of ` +
      `${patchesPerImage} patches in ${dims} dimensions, ${rows} of them kept, need ${gib(memory)}; ` +
      "use fewer images, a smaller ratio, a projection to fewer dimensions, a smaller size or fewer layers",
  );
}

/** @returns `1.5 GiB` */
export function gib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
