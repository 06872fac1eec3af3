/**
 * Stages of one frame from its shared-memory slot to the verdict, and the whole against the bare backbone, interleaved
 * in one run: `npm run bench -- [--frames N] [--models DIR --backbone NAME] [--preset NAME] [--size N] [--rows N]
 * [--index exact|hnsw]`. Prints a Markdown table with machine and commit.
 *
 * The bare backbone is the ONNX file cut down to the layers that the bank uses, fed with floats that lie ready.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import { presetParameters } from "../../src/bank/parameters.ts";
import { renderPart } from "../../src/cli/demo/render-part.ts";
import { FrameFile } from "../../src/inference/frame-reader.ts";
import { FrameScorer } from "../../src/inference/frame-scorer.ts";
import { drawPictures } from "../../src/inference/pictures.ts";
import { percentile } from "../../src/patchcore/percentile.ts";
import { loadOnnxRuntime } from "../../src/shared/onnxruntime.ts";
import { bankOfRows, nominalEmbeddings } from "./bench-bank.ts";
import { machineLine, Stopwatch, table } from "./report.ts";

const WARM_UP = 10;
const WIDTH = 1920;
const HEIGHT = 1080;
const THREADS = 2;

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "150" },
    models: { type: "string", multiple: true, default: [] },
    backbone: { type: "string", default: "efficientnet-lite0" },
    preset: { type: "string", default: "edge" },
    size: { type: "string", default: "224" },
    rows: { type: "string", default: "2500" },
    index: { type: "string", default: "auto" },
  },
});
// As in the inference process.
sharp.concurrency(THREADS);
sharp.cache(false);
const preset = (["edge", "reference", "paper", "reproduction"] as const).find((one) => one === values.preset) ?? "edge";
const index = (["auto", "exact", "hnsw"] as const).find((one) => one === values.index) ?? "auto";
const parameters = presetParameters(preset, { size: Number(values.size) });
const backbone = await findBackbone([...values.models, builtInModelsFolder()], { name: values.backbone });
const nominal = await nominalEmbeddings(backbone, parameters, 8);
const bank = bankOfRows(backbone, parameters, nominal, Number(values.rows));
const settings = { threads: THREADS, spinning: false, provider: "cpu" } as const;
const scorer = await FrameScorer.create(bank, backbone, settings, { index });
await scorer.learnBounds();

const ort = await loadOnnxRuntime();
const { width, height } = parameters.resize;
const input = new ort.Tensor("float32", new Float32Array(3 * width * height), [1, 3, height, width]);
const bare = await ort.InferenceSession.create(backbone.model, {
  intraOpNumThreads: THREADS,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  extra: { session: { intra_op: { allow_spinning: "0" } } },
});

const folder = mkdtempSync(join(tmpdir(), "nominald-bench-"));
const slot = join(folder, "slot");
const { image } = await renderPart({ seed: 7, defect: "stain", size: HEIGHT });
writeFileSync(slot, widened(image.data));
const frameReference = { slot: 0, path: slot, seq: 1, width: WIDTH, height: HEIGHT, format: "RGB" } as const;
const pictures = { mask: true, overlay: true, overlayFormat: "jpeg", overlayQuality: 80, size: 320 } as const;

/** The square part in the middle of a 1080p frame, its edge repeated. */
function widened(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(WIDTH * HEIGHT * 3);
  const left = (WIDTH - HEIGHT) / 2;
  for (let y = 0, at = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++, at += 3) {
      const from = (y * HEIGHT + Math.min(HEIGHT - 1, Math.max(0, x - left))) * 3;
      out.set(data.subarray(from, from + 3), at);
    }
  }
  return out;
}

const BARE = "bare backbone";
const WHOLE = "slot → verdict";
const watch = new Stopwatch();
const verified: number[] = [];
for (let i = 0; i < WARM_UP + Number(values.frames); i++) {
  if (i === WARM_UP) watch.clear();
  await watch.time(BARE, () => bare.run({ [backbone.manifest.input.name]: input }, wantedOutputs()));
  const frame = await watch.time(WHOLE, async () => {
    const begun = performance.now();
    const file = FrameFile.open({ ...frameReference, capturedAtMs: begun, deliveredAtMs: begun });
    try {
      return await scorer.score(file);
    } finally {
      file.close();
    }
  });
  watch.add("read", frame.readMs);
  for (const [stage, ms] of Object.entries(frame.stages)) watch.add(stage, ms);
  verified.push(frame.verifiedPatches);
  const pictureInput = await watch.time("map and mask", async () => scorer.pictureInput(frame));
  await watch.time("thumbnails", () => drawPictures(pictureInput, pictures, 0));
}

/** Only the layers that the bank uses, so that the bare backbone computes no more than the scorer's. */
function wantedOutputs(): string[] {
  return [...parameters.layers];
}

const base = watch.median(BARE);
const goal = 1.35 * base + 5;
console.log(`${machineLine()}, ${values.frames} frames`);
console.log(
  `${backbone.manifest.name}, ${preset}, ${WIDTH} × ${HEIGHT} → ${width} × ${height}, ${nominal.patches} patches, ` +
    `${bank.manifest.rows} rows × ${bank.manifest.dims}, index ${scorer.indexKind}\n`,
);
console.log(
  table(
    ["stage", "P5 ms", "median ms", "P99 ms", "CPU ms", "ratio to the bare backbone"],
    watch.stages.map((stage) => [
      stage,
      watch.p5(stage).toFixed(2),
      watch.median(stage).toFixed(2),
      watch.p99(stage).toFixed(2),
      Number.isNaN(watch.cpu(stage)) ? "" : watch.cpu(stage).toFixed(2),
      (watch.median(stage) / base).toFixed(2),
    ]),
  ),
);
console.log(`\nverified patches a frame: P50 ${percentile(verified, 50)}, P99 ${percentile(verified, 99)}`);
console.log(`goal 1.35 × bare + 5 ms = ${goal.toFixed(2)} ms; ${WHOLE} takes ${watch.median(WHOLE).toFixed(2)} ms`);
await bare.release();
await scorer.close();
rmSync(folder, { recursive: true });
