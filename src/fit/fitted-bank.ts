import { asMatrix } from "../patchcore/matrix.ts";
import type { Matrix } from "../patchcore/matrix.ts";
import { fitQuantiser, quantise } from "../patchcore/quantiser.ts";
import type { Quantiser } from "../patchcore/quantiser.ts";
import type { EmbeddedImage } from "./embed-images.ts";
import type { EmbeddingStore } from "./embedding-store.ts";

/** A memory bank and the nominal images that it came from. */
export interface FittedBank {
  /** In the order of the nominal patches. */
  readonly rows: Matrix;
  /** [rows] index of the image that each row came from. */
  readonly rowImage: Int32Array;
  readonly quantiser: Quantiser;
  readonly quantised: Int8Array;
  readonly images: number;
  readonly patches: number;
  /** @returns an image's patch embeddings [patches, dims], until the next call */
  readonly frame: (image: number) => Promise<Float32Array>;
}

/** Where the nominal patches lie. */
export interface NominalPatches {
  readonly store: EmbeddingStore;
  readonly images: readonly EmbeddedImage[];
  readonly patches: number;
  readonly dims: number;
}

/**
 * Reads picked rows from the disk.
 *
 * @param picks row numbers over all images
 * @returns the rows in ascending order of their numbers, and these
 */
export async function gatherPicks(
  { store, images, patches, dims }: NominalPatches,
  picks: Int32Array,
): Promise<{ readonly rows: Matrix; readonly picks: Int32Array }> {
  const sorted = Int32Array.from(picks).sort();
  const data = new Float32Array(sorted.length * dims);
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    const image = Math.floor(sorted[from]! / patches);
    while (to < sorted.length && sorted[to]! < (image + 1) * patches) to++;
    const places = sorted.subarray(from, to).map((row) => row - image * patches);
    await store.readRows(images[image]!.slot, places, dims, data.subarray(from * dims, to * dims));
  }
  return { rows: asMatrix(data, sorted.length, dims), picks: sorted };
}

export async function fittedBank(nominal: NominalPatches, picks: Int32Array): Promise<FittedBank> {
  const { store, images, patches, dims } = nominal;
  const gathered = await gatherPicks(nominal, picks);
  const quantiser = fitQuantiser(gathered.rows);
  const buffer = new Float32Array(patches * dims);
  return {
    rows: gathered.rows,
    rowImage: gathered.picks.map((row) => Math.floor(row / patches)),
    quantiser,
    quantised: quantise(quantiser, gathered.rows.data, gathered.rows.rows),
    images: images.length,
    patches,
    frame: async (image) => {
      await store.read(images[image]!.slot, buffer);
      return buffer;
    },
  };
}
