import { readBank, type Bank } from "../../src/bank/bundle-read.ts";
import { writeBank, type BankDraft } from "../../src/bank/bundle-write.ts";
import type { GoldenFrame } from "../../src/bank/manifest.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { buildHnsw, DEFAULT_HNSW } from "../../src/search/hnsw.ts";

/** Banks that are well-formed, signed and whole, and all the same nothing to work with. Each takes a good one's place. */
async function changed(
  from: string,
  to: string,
  change: (bank: Bank, draft: BankDraft) => Promise<BankDraft> | BankDraft,
) {
  const bank = await readBank(from);
  const { manifest, bankId: _id, ...arrays } = bank;
  const { format: _f, formatVersion: _v, files: _files, ...rest } = manifest;
  await writeBank(to, await change(bank, { ...arrays, manifest: rest }));
}

/** Rows of half as many dimensions as the backbone gives. */
export function halfDims(from: string, to: string): Promise<void> {
  return changed(from, to, ({ manifest: { rows, dims }, ...bank }, draft) => {
    const half = Math.floor(dims / 2);
    const cut = <T extends Float32Array | Int8Array>(values: T, into: T): T => {
      for (let row = 0; row < rows; row++) into.set(values.subarray(row * dims, row * dims + half), row * half);
      return into;
    };
    return {
      ...draft,
      rows: cut(bank.rows, new Float32Array(rows * half)),
      quantised: cut(bank.quantised, new Int8Array(rows * half)),
      mean: bank.mean.slice(0, half),
      manifest: { ...draft.manifest, dims: half },
    };
  });
}

/** A graph over other rows than the bank has. */
export function foreignGraph(from: string, to: string): Promise<void> {
  return changed(from, to, async ({ manifest, quantised }, draft) => {
    const random = seededRandom(7);
    const others = Int8Array.from(quantised, () => (random.uint32() % 255) - 127);
    return {
      ...draft,
      hnsw: await buildHnsw(others, manifest.dims, DEFAULT_HNSW),
      manifest: { ...draft.manifest, index: { kind: "hnsw", hnsw: DEFAULT_HNSW } },
    };
  });
}

/** Golden frames that are others than the fit chose, or say something else of them. */
export function otherGolden(from: string, to: string, change: (frame: GoldenFrame, at: number) => GoldenFrame) {
  return changed(from, to, ({ manifest: { golden } }, draft) => {
    if (golden === null) throw new Error("Expected golden frames");
    return { ...draft, manifest: { ...draft.manifest, golden: { ...golden, frames: golden.frames.map(change) } } };
  });
}

/** The same rows for pictures of `factor` times the size: as many patches more as its square, and the work with them. */
export function larger(from: string, to: string, factor: number): Promise<void> {
  return changed(from, to, ({ manifest }, draft) => {
    const { parameters, grid, nominal } = manifest;
    const width = parameters.resize.width * factor;
    const height = parameters.resize.height * factor;
    const [gridRows, gridCols] = [grid.rows * factor, grid.cols * factor];
    const random = seededRandom(11);
    const frames = [1, 2, 3].map((at) => ({
      ...{ name: `${at}.png`, knownBad: false, expect: "FAIL" as const, score: 1 },
    }));
    return {
      ...draft,
      golden: Uint8Array.from({ length: frames.length * width * height * 3 }, () => random.uint32() & 0xff),
      manifest: {
        ...draft.manifest,
        parameters: { ...parameters, resize: { ...parameters.resize, width, height } },
        grid: { rows: gridRows, cols: gridCols },
        nominal: { ...nominal, patches: gridRows * gridCols * nominal.images },
        golden: { width, height, frames },
      },
    };
  });
}
