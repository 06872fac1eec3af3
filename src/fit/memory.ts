import { constants } from "node:buffer";
import { InputError } from "../shared/errors.ts";

const FLOAT_BYTES = 4;

/** The coreset's queue holds number, bound and place of each row: int32, float64, int32. */
const QUEUE_BYTES_PER_ROW = 16;

/** The two processes themselves, the backbone and its feature maps, decoded pictures of 20 megapixels. */
const BASE_BYTES = 500 * 1024 ** 2;

export interface FitSize {
  readonly images: number;
  readonly patchesPerImage: number;
  readonly dims: number;
  /** 0: none. */
  readonly projectionDims: number;
}

/** @returns bytes that a fit needs at its peak, both processes together */
export function memoryNeeded({ images, patchesPerImage, dims, projectionDims }: FitSize): number {
  const rows = images * patchesPerImage;
  const coresetDims = projectionDims > 0 ? Math.min(projectionDims, dims) : dims;
  return rows * (FLOAT_BYTES * (dims + coresetDims) + QUEUE_BYTES_PER_ROW) + BASE_BYTES;
}

/**
 * Refuses a fit that the machine cannot hold, before it has cost time.
 *
 * @param availableBytes memory that this process may still take
 * @throws InputError "fit-too-large" that says what is needed, what there is, and how many images would fit
 */
export function checkMemory(size: FitSize, availableBytes: number): void {
  const { images, patchesPerImage, dims } = size;
  const needed = memoryNeeded(size);
  const perImage = (needed - BASE_BYTES) / images;
  const oneArray = images * patchesPerImage * dims * FLOAT_BYTES;
  if (needed <= availableBytes && oneArray <= constants.MAX_LENGTH) return;
  const byMemory = Math.floor((availableBytes - BASE_BYTES) / perImage);
  const byArray = Math.floor(constants.MAX_LENGTH / (patchesPerImage * dims * FLOAT_BYTES));
  const most = Math.max(0, Math.min(byMemory, byArray));
  throw new InputError(
    "fit-too-large",
    `Expected a fit that fits into the available memory (${gib(availableBytes)}, of it ${gib(constants.MAX_LENGTH)} for one array) but ` +
      `${images} images of ${patchesPerImage} patches in ${dims} dimensions need ${gib(needed)}; ` +
      `use at most ${most} images, a smaller size or fewer layers`,
  );
}

function gib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
