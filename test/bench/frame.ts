/**
 * Stages of one frame, and the whole frame against the bare backbone, interleaved in one run: `npm run bench`.
 * Prints a Markdown table with machine and commit. Needs mosquitto for the stage "mqtt".
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { connectAsync } from "mqtt";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import { readBank } from "../../src/bank/bundle-read.ts";
import { renderPart } from "../../src/cli/demo/render-part.ts";
import { FrameScorer } from "../../src/inference/frame-scorer.ts";
import { drawPictures } from "../../src/inference/pictures.ts";
import { percentile } from "../../src/patchcore/percentile.ts";
import { loadOnnxRuntime } from "../../src/shared/onnxruntime.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { TestLine } from "../support/test-line.ts";

const FRAMES = 150;
const WARM_UP = 10;

const line = await TestLine.prepare();
const broker = await startMosquitto();
const client = await connectAsync(broker.url);
const bank = await readBank(line.bank);
const backbone = await findBackbone([builtInModelsFolder()], bank.manifest.backbone);
const scorer = await FrameScorer.create(bank, backbone, { threads: 2, spinning: false, provider: "cpu" }, {});
const { width, height } = bank.manifest.parameters.resize;
const ort = await loadOnnxRuntime();
const bare = await ort.InferenceSession.create(backbone.model, {
  intraOpNumThreads: 2,
  executionMode: "sequential",
  extra: { session: { intra_op: { allow_spinning: "0" } } },
});
const input = new ort.Tensor("float32", new Float32Array(3 * width * height), [1, 3, height, width]);
const { image } = await renderPart({ seed: 7, defect: "stain", size: 960 });
const settings = { mask: true, overlay: true, overlayFormat: "jpeg", overlayQuality: 80, size: 320 } as const;

const times = new Map<string, number[]>();
const note = (stage: string, ms: number): void => void times.set(stage, [...(times.get(stage) ?? []), ms]);

for (let i = 0; i < WARM_UP + FRAMES; i += 1) {
  if (i === WARM_UP) times.clear();
  const begun = performance.now();
  const frame = await scorer.score(image);
  const scored = performance.now();
  for (const [stage, ms] of Object.entries(frame.stages)) note(stage, ms);
  const pictureInput = scorer.pictureInput(frame);
  const mapped = performance.now();
  await drawPictures(pictureInput, settings, 0);
  const drawn = performance.now();
  await client.publishAsync("bench/result", Buffer.alloc(96), { qos: 1 });
  const published = performance.now();
  await bare.run({ [backbone.manifest.input.name]: input });
  note("bare backbone", performance.now() - published);
  note("map and mask", mapped - scored);
  note("thumbnails", drawn - mapped);
  note("mqtt, QoS 1 acknowledged", published - drawn);
  note("frame to score", scored - begun);
  note("whole frame, pictures included", drawn - begun);
}

const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
console.log(
  `${cpus()[0]?.model ?? "?"} × ${cpus().length}, Node ${process.versions.node}, commit ${commit}, ${FRAMES} frames`,
);
console.log(
  `${image.width} × ${image.height} → ${width} × ${height}, ${bank.manifest.rows} rows × ${bank.manifest.dims}\n`,
);
const base = percentile(times.get("bare backbone") ?? [1], 50);
console.log("| stage | median ms | P99 ms | ratio to the bare backbone |\n|---|---|---|---|");
for (const [stage, values] of times) {
  const median = percentile(values, 50);
  console.log(
    `| ${stage} | ${median.toFixed(2)} | ${percentile(values, 99).toFixed(2)} | ${(median / base).toFixed(2)} |`,
  );
}
await bare.release();
await scorer.close();
await client.endAsync();
await broker.dispose();
await line.dispose();
