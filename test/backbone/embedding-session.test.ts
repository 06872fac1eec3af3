import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { EmbeddingSession, type Embedding } from "../../src/backbone/embedding-session.ts";
import { builtInModelsFolder } from "../../src/backbone/find.ts";
import { loadBackbone } from "../../src/backbone/manifest.ts";
import { BugError, DeviceError, InputError } from "../../src/shared/errors.ts";
import { averagedRecipe } from "../../src/backbone/graph-tail.ts";
import { tinyBackbone } from "./tiny-backbone.ts";

const settings = { threads: 1, spinning: false, provider: "cpu" } as const;
const SIDE = 8;

/** [N, 8, 8, 3] of the same level everywhere, by channel. */
function flat(...levels: readonly (readonly [number, number, number])[]): Uint8Array {
  return Uint8Array.from(levels.flatMap((level) => Array.from({ length: SIDE * SIDE }, () => level).flat()));
}

async function embedTiny(layers: string[], images: Uint8Array, count: number, input = {}): Promise<Embedding> {
  const session = await EmbeddingSession.create({ ...tinyBackbone(input), ...averagedRecipe(layers), ...settings });
  try {
    return await session.embed(images, count, SIDE, SIDE);
  } finally {
    await session.close();
  }
}

function patch(embedding: Embedding, row: number, col: number, image = 0): number[] {
  const start = ((image * embedding.rows + row) * embedding.cols + col) * embedding.dims;
  return [...embedding.data.subarray(start, start + embedding.dims)];
}

test("a flat frame gives the normalised level inside and less at the border, where zeros are counted", async () => {
  const embedding = await embedTiny(["half"], flat([14, 40, 90]), 1);
  assert.deepEqual([embedding.count, embedding.rows, embedding.cols, embedding.dims], [1, 4, 4, 3]);
  // (14 − 10) / 1 = 4, (40 − 20) / 2 = 10, (90 − 30) / 4 = 15.
  assert.deepEqual(patch(embedding, 1, 2), [4, 10, 15]);
  // A corner's neighbourhood holds 4 cells and 5 zeros: 4/9 of the level; an edge's 6 cells: 6/9.
  [16 / 9, 40 / 9, 60 / 9].forEach((value, i) => assert.ok(Math.abs((patch(embedding, 0, 3)[i] ?? 0) - value) < 1e-5));
  [24 / 9, 60 / 9, 90 / 9].forEach((value, i) => assert.ok(Math.abs((patch(embedding, 0, 1)[i] ?? 0) - value) < 1e-5));
});

test("a backbone in BGR order gets its channels turned round before mean and std", async () => {
  const embedding = await embedTiny(["half"], flat([14, 40, 90]), 1, { colourOrder: "BGR" });
  // Blue comes first: (90 − 10) / 1 = 80, (40 − 20) / 2 = 10, (14 − 30) / 4 = −4.
  assert.deepEqual(patch(embedding, 1, 1), [80, 10, -4]);
});

test("a deeper layer is stretched to the first layer's grid bilinearly, cells' centres aligned", async () => {
  // The normalised red is 0 in the left half and 36 in the right; `quarter` is then 2 × 2 cells: 0 36 / 0 36.
  const images = new Uint8Array(SIDE * SIDE * 3);
  for (let i = 0; i < SIDE * SIDE; i++) images.set([i % SIDE < SIDE / 2 ? 10 : 46, 20, 30], i * 3);
  const embedding = await embedTiny(["half", "quarter"], images, 1);
  assert.equal(embedding.dims, 6);
  // Every neighbourhood of a 2 × 2 map holds all 4 cells and 5 zeros: (0 + 36 + 0 + 36) / 9 = 8 everywhere.
  for (let col = 0; col < 4; col++) assert.ok(Math.abs((patch(embedding, 1, col)[3] ?? 0) - 8) < 1e-5);
});

test("bilinear weights are 3/4 and 1/4, and the border keeps its value", async () => {
  // 4 × 16 pixels: `quarter` is one row of 4 cells. Red 0 0 0 36 → neighbourhoods of 3 cells and 6 zeros: 0 0 4 4.
  const height = 4;
  const width = 16;
  const images = new Uint8Array(height * width * 3);
  for (let i = 0; i < height * width; i++) images.set([i % width < 12 ? 10 : 46, 20, 30], i * 3);
  const session = await EmbeddingSession.create({
    ...tinyBackbone(),
    ...averagedRecipe(["half", "quarter"]),
    ...settings,
  });
  const embedding = await session.embed(images, 1, height, width);
  await session.close();
  assert.deepEqual([embedding.rows, embedding.cols], [2, 8]);
  // Centres of the 8 cells lie at −1/4, 1/4, 3/4, 5/4 … of the 4: 0 0 0 1/4·4 3/4·4 4 4 4.
  const expected = [0, 0, 0, 1, 3, 4, 4, 4];
  expected.forEach((value, col) => assert.ok(Math.abs((patch(embedding, 0, col)[3] ?? 0) - value) < 1e-5));
});

test("two layers of one stride are joined without stretching, in the order asked for", async () => {
  const embedding = await embedTiny(["big", "half"], flat([14, 40, 90]), 1);
  assert.deepEqual(patch(embedding, 2, 2), [40, 100, 150, 4, 10, 15]);
});

test("frames of one batch do not mix, and a later run leaves an earlier result alone", async () => {
  const session = await EmbeddingSession.create({ ...tinyBackbone(), ...averagedRecipe(["half"]), ...settings });
  const both = await session.embed(flat([14, 40, 90], [12, 24, 38]), 2, SIDE, SIDE);
  await session.embed(flat([0, 0, 0], [0, 0, 0]), 2, SIDE, SIDE);
  assert.deepEqual(patch(both, 1, 1, 0), [4, 10, 15]);
  assert.deepEqual(patch(both, 1, 1, 1), [2, 2, 2]);
  await session.close();
});

test("the default backbone's embeddings equal those that torch computed from the original weights", async () => {
  const golden: unknown = JSON.parse(
    await readFile(new URL("efficientnet-lite0.golden.json", import.meta.url), "utf8"),
  );
  assert.ok(isGolden(golden));
  const { height, width } = golden.picture;
  const images = new Uint8Array(height * width * 3);
  for (let i = 0; i < images.length; i++) {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    images[i] = (7 * x + 13 * y + 50 * c + 5 * ((x * y) % 31)) % 256;
  }
  const backbone = await loadBackbone(join(builtInModelsFolder(), "efficientnet-lite0", "manifest.json"));
  const session = await EmbeddingSession.create({ ...backbone, ...averagedRecipe(["layer2", "layer3"]), ...settings });
  const { count, rows, cols, dims, data } = await session.embed(images, 1, height, width);
  await session.close();
  assert.deepEqual([count, rows, cols, dims], golden.shape);
  const error = Math.max(...golden.values.map((value, i) => Math.abs(value - (data[i * golden.every] ?? NaN))));
  assert.ok(error <= 1e-4 * golden.largest, `the largest error is ${error} of ${golden.largest}`);
});

interface Golden {
  readonly picture: { readonly height: number; readonly width: number };
  readonly shape: readonly number[];
  readonly largest: number;
  readonly every: number;
  readonly values: readonly number[];
}

function isGolden(value: unknown): value is Golden {
  return typeof value === "object" && value !== null && "picture" in value && "values" in value && "every" in value;
}

test("the default layers at 320 × 320 give a grid of 40 × 40 with 152 dimensions", async () => {
  const backbone = await loadBackbone(join(builtInModelsFolder(), "efficientnet-lite0", "manifest.json"));
  const session = await EmbeddingSession.create({
    ...backbone,
    ...averagedRecipe(["layer2", "layer3"]),
    ...settings,
    threads: 2,
  });
  assert.equal(session.provider, "cpu");
  assert.equal(session.dims, 152);
  const { rows, cols, dims, data } = await session.embed(new Uint8Array(320 * 320 * 3).fill(128), 1, 320, 320);
  await session.close();
  assert.deepEqual([rows, cols, dims, data.length], [40, 40, 152, 40 * 40 * 152]);
});

test("a size that is no multiple of the backbone's is refused and named", async () => {
  const session = await EmbeddingSession.create({ ...tinyBackbone(), ...averagedRecipe(["half"]), ...settings });
  await assert.rejects(session.embed(new Uint8Array(6 * 8 * 3), 1, 6, 8), (error) => {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, "bad-frame-size");
    assert.match(error.message, /multiples of 4 but got 6 × 8/);
    return true;
  });
  await assert.rejects(session.embed(new Uint8Array(10), 1, 8, 8), BugError);
  await session.close();
});

test("a GPU that is not there is an error, never a session on the CPU", async () => {
  const create = EmbeddingSession.create({
    ...tinyBackbone(),
    ...averagedRecipe(["half"]),
    ...settings,
    provider: "tensorrt",
  });
  await assert.rejects(create, (error) => {
    assert.ok(error instanceof DeviceError);
    assert.equal(error.code, "provider-unavailable");
    assert.match(error.message, /execution provider tensorrt/);
    return true;
  });
});

test("channels other than the manifest's are an error that names both", async () => {
  const { model, manifest } = tinyBackbone();
  const wrong = { ...manifest, outputs: [{ name: "half", channels: 5, stride: 2 }] };
  const session = await EmbeddingSession.create({ model, manifest: wrong, ...averagedRecipe(["half"]), ...settings });
  await assert.rejects(session.embed(flat([1, 2, 3]), 1, SIDE, SIDE), /\[1, 4, 4, 5\].*but got float32 \[1, 4, 4, 3\]/);
  await session.close();
});

test("a closed session can be closed again and refuses to embed", async () => {
  const session = await EmbeddingSession.create({ ...tinyBackbone(), ...averagedRecipe(["half"]), ...settings });
  await session.close();
  await session.close();
  await assert.rejects(session.embed(flat([1, 2, 3]), 1, SIDE, SIDE), BugError);
});
