import { EmbeddingSession } from "../../src/backbone/embedding-session.ts";
import type { BackboneFiles } from "../../src/backbone/manifest.ts";
import { FramePreparer } from "../../src/backbone/prepare.ts";
import type { Bank } from "../../src/bank/bundle-read.ts";
import type { BankParameters } from "../../src/bank/manifest.ts";
import { renderPart } from "../../src/cli/demo/render-part.ts";
import { asMatrix, gatherRows, type Matrix } from "../../src/patchcore/matrix.ts";
import { fitQuantiser, quantise } from "../../src/patchcore/quantiser.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { sampleDraft } from "../bank/sample-bank.ts";

/** Patch embeddings of rendered nominal parts, `count` frames one after the other. */
export async function nominalEmbeddings(
  backbone: BackboneFiles,
  parameters: BankParameters,
  count: number,
  firstSeed = 100,
): Promise<Matrix & { readonly patches: number }> {
  const { layers, neighbourhood, join } = parameters;
  const session = await EmbeddingSession.create({
    ...backbone,
    layers,
    neighbourhood,
    join,
    threads: 2,
    spinning: false,
    provider: "cpu",
  });
  const preparer = new FramePreparer(parameters);
  const frames: Float32Array[] = [];
  let [patches, dims] = [0, 0];
  for (let i = 0; i < count; i++) {
    const { image } = await renderPart({ seed: firstSeed + i, defect: null, size: 960 });
    const prepared = preparer.prepare(image);
    const embedding = await session.embed(prepared.data, 1, prepared.height, prepared.width);
    patches = embedding.rows * embedding.cols;
    dims = embedding.dims;
    frames.push(embedding.data);
  }
  await session.close();
  const data = new Float32Array(count * patches * dims);
  frames.forEach((frame, i) => data.set(frame, i * patches * dims));
  return { ...asMatrix(data, count * patches, dims), patches };
}

/**
 * A memory bank of rows drawn from nominal patches: as fast to search as a coreset of that size, and made in no time.
 * Where there are too few patches the rest are copies with a little noise.
 */
export function bankOfRows(
  backbone: BackboneFiles,
  parameters: BankParameters,
  nominal: Matrix & { readonly patches: number },
  count: number,
): Bank {
  const random = seededRandom(5);
  const ids = Array.from({ length: count }, () => Math.floor(random.uniform() * nominal.rows));
  const rows = gatherRows(nominal, ids);
  for (let i = nominal.rows * nominal.dims; i < rows.data.length; i++) rows.data[i]! += 0.01 * random.gaussian();
  const quantiser = fitQuantiser(rows);
  const { width, height } = parameters.resize;
  const cols = Math.round(Math.sqrt((nominal.patches * width) / height));
  const { name, sha256 } = backbone.manifest;
  return {
    manifest: {
      format: "nominald-bank",
      formatVersion: 1,
      ...sampleDraft().manifest,
      name: "bench",
      parameters,
      backbone: { name, sha256 },
      grid: { rows: nominal.patches / cols, cols },
      rows: count,
      dims: nominal.dims,
      nominal: { images: nominal.rows / nominal.patches, patches: nominal.rows, sha256: "0".repeat(64) },
      quantiser: { scale: quantiser.scale },
      index: { kind: "auto", hnsw: null },
      files: {},
    },
    bankId: "bench-00000000",
    detail: null,
    fileBytes: 0,
    rows: rows.data,
    quantised: quantise(quantiser, rows.data, count),
    mean: quantiser.mean,
    rowImage: new Int32Array(count),
    hnsw: null,
    golden: null,
  };
}
