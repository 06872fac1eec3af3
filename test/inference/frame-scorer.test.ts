import assert from "node:assert/strict";
import { test } from "node:test";
import type { BackboneFiles } from "../../src/backbone/manifest.ts";
import type { Bank } from "../../src/bank/bundle-read.ts";
import type { Preset } from "../../src/bank/manifest.ts";
import { presetParameters, type ParameterChoices } from "../../src/bank/parameters.ts";
import { FrameScorer, type ScorerOverrides } from "../../src/inference/frame-scorer.ts";
import { asMatrix } from "../../src/patchcore/matrix.ts";
import { InputError } from "../../src/shared/errors.ts";
import type { RawImage } from "../../src/shared/image.ts";
import { imageScoreByDefinition } from "../patchcore/scores-by-definition.ts";
import { bankOf, embed, goldenBackbone, picture, settings } from "./golden-bank.ts";

async function withScorer<T>(
  bank: Bank,
  backbone: BackboneFiles,
  overrides: ScorerOverrides,
  use: (scorer: FrameScorer) => Promise<T>,
): Promise<T> {
  const scorer = await FrameScorer.create(bank, backbone, settings, overrides);
  try {
    return await use(scorer);
  } finally {
    await scorer.close();
  }
}

/** Each preset at the size of the golden network's pictures; joins narrow enough for its few channels. */
const SMALL: Readonly<Record<Preset, ParameterChoices>> = {
  edge: { size: 64 },
  reference: {
    resize: { mode: "crop", shorterSide: 64, width: 48, height: 48, kernel: "linear" },
    join: { kind: "adaptive", layerDims: 24, dims: 20 },
    patchScore: { kind: "mean-squared", neighbours: 3 },
  },
  paper: { size: 64, join: { kind: "adaptive", layerDims: 24, dims: 20 } },
  reproduction: { size: 64, kernel: "bicubic" },
};

for (const preset of ["edge", "reference", "paper", "reproduction"] as const) {
  test(`${preset}: a frame's score is what the definition says of its patches, with every index`, async () => {
    const backbone = await goldenBackbone();
    const parameters = presetParameters(preset, SMALL[preset]);
    const bank = await bankOf(backbone, parameters);
    const { rows, dims } = bank.manifest;
    const embeddings = await embed(backbone, parameters, picture(3));
    const expected = imageScoreByDefinition(asMatrix(bank.rows, rows, dims), embeddings, parameters);
    for (const index of ["float32", "exact", "hnsw"] as const) {
      await withScorer(bank, backbone, { index }, async (scorer) => {
        await scorer.warmUp();
        const frame = await scorer.score(picture(3));
        assert.ok(Math.abs(frame.score - expected) <= 1e-5 * expected, `${frame.score} is not ${expected}`);
        assert.ok(frame.verifiedPatches >= 1);
        assert.equal(frame.patchScores.length, bank.manifest.grid.rows * bank.manifest.grid.cols);
        const { map, frame: prepared } = scorer.pictureInput(frame);
        assert.equal(map.length, prepared.width * prepared.height);
        const nominal = await scorer.score(picture(0));
        assert.ok(nominal.score < 0.5 * frame.score, `a picture of the bank scores ${nominal.score}`);
      });
    }
  });
}

/** The picture with every pixel `across` × `down` times. */
function enlarged(image: RawImage, across: number, down: number): RawImage {
  const [width, height] = [image.width * across, image.height * down];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (Math.floor(y / down) * image.width + Math.floor(x / across)) * 3;
      data.set(image.data.subarray(from, from + 3), (y * width + x) * 3);
    }
  }
  return { width, height, format: "RGB", data };
}

test("frames of another size and another aspect than the fitted ones are scored", async () => {
  const backbone = await goldenBackbone();
  const bank = await bankOf(backbone, presetParameters("edge", { size: 64 }));
  await withScorer(bank, backbone, {}, async (scorer) => {
    for (const [across, down] of [
      [2, 2],
      [5, 3],
      [1, 4],
    ] as const) {
      // The same parts, photographed larger.
      const nominal = await scorer.score(enlarged(picture(0), across, down));
      const anomalous = await scorer.score(enlarged(picture(3), across, down));
      assert.ok(nominal.score < 0.8 * anomalous.score, `${nominal.score} beside ${anomalous.score}`);
      assert.equal(anomalous.aspect, across / down);
    }
  });
});

test("a station may take another input size: the grid grows with it, over the same rows", async () => {
  const backbone = await goldenBackbone();
  const bank = await bankOf(backbone, presetParameters("edge", { size: 64 }));
  const input = { width: 128, height: 96 };
  await withScorer(bank, backbone, { input }, async (scorer) => {
    const frame = await scorer.score(enlarged(picture(3), 2, 2));
    assert.equal(frame.patchScores.length, 12 * 16);
    assert.deepEqual([frame.prepared.width, frame.prepared.height], [128, 96]);
    assert.equal(scorer.pictureInput(frame).map.length, 128 * 96);
    const wide = { ...bank.manifest.parameters, resize: { mode: "stretch", ...input, kernel: "linear" } } as const;
    const embeddings = await embed(backbone, wide, enlarged(picture(3), 2, 2));
    const { rows, dims } = bank.manifest;
    const expected = imageScoreByDefinition(asMatrix(bank.rows, rows, dims), embeddings, wide);
    assert.ok(Math.abs(frame.score - expected) <= 1e-5 * expected);
  });
});

test("an input size that the backbone cannot take is refused when the bank is loaded, with both numbers", async () => {
  const backbone = await goldenBackbone();
  const bank = await bankOf(backbone, presetParameters("edge", { size: 64 }));
  const create = FrameScorer.create(bank, backbone, settings, { input: { width: 100, height: 64 } });
  await assert.rejects(create, (error) => {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, "bad-frame-size");
    assert.match(error.message, /multiples of 16 but got 64 × 100/);
    return true;
  });
});

test("a backbone whose embeddings have other dimensions than the bank's rows is refused", async () => {
  const backbone = await goldenBackbone();
  const bank = await bankOf(backbone, presetParameters("edge", { size: 64 }));
  const one = {
    ...bank,
    manifest: { ...bank.manifest, parameters: presetParameters("edge", { size: 64, layers: ["layer2"] }) },
  };
  await assert.rejects(FrameScorer.create(one, backbone, settings, {}), { code: "wrong-backbone" });
});
