/**
 * Whether several frames in one run of the backbone take less than one after the other:
 * `node --import tsx test/bench/batch.ts [--models DIR --backbone NAME …] [--threads N] [--runs N]`. Batches of each size are
 * interleaved in one run; times are of one frame. Prints a Markdown table with machine and commit.
 */
import { parseArgs } from "node:util";
import { EmbeddingSession } from "../../src/backbone/embedding-session.ts";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import { presetParameters } from "../../src/bank/parameters.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { machineLine, Stopwatch, table } from "./report.ts";

const BATCHES = [1, 2, 4];
const WARM_UP = 5;

const { values } = parseArgs({
  options: {
    models: { type: "string", multiple: true, default: [] },
    backbone: { type: "string", multiple: true, default: ["efficientnet-lite0"] },
    threads: { type: "string", default: "2" },
    runs: { type: "string", default: "60" },
    size: { type: "string", default: "224" },
  },
});
const size = Number(values.size);
const { layers, neighbourhood, join } = presetParameters("edge", { size });
const rows: string[][] = [];
for (const name of values.backbone) {
  const backbone = await findBackbone([...values.models, builtInModelsFolder()], { name });
  const session = await EmbeddingSession.create({
    ...{ ...backbone, layers, neighbourhood, join },
    ...{ threads: Number(values.threads), spinning: false, provider: "cpu" },
  });
  const random = seededRandom(1);
  const data = Uint8Array.from({ length: 4 * size * size * 3 }, () => Math.floor(256 * random.uniform()));
  const watch = new Stopwatch();
  for (let run = 0; run < WARM_UP + Number(values.runs); run++) {
    if (run === WARM_UP) watch.clear();
    for (const count of BATCHES) {
      const images = data.subarray(0, count * size * size * 3);
      await watch.time(String(count), () => session.embed(images, count, size, size));
    }
  }
  await session.close();
  for (const count of BATCHES) {
    const stage = String(count);
    const gain = (of: (stage: string) => number): string => `${(100 * (1 - of(stage) / count / of("1"))).toFixed(0)} %`;
    const each = [watch.p5(stage), watch.median(stage), watch.cpu(stage)].map((ms) => (ms / count).toFixed(2));
    rows.push([name, stage, ...each, gain((one) => watch.p5(one)), gain((one) => watch.cpu(one))]);
  }
}
console.log(`${machineLine()}, ${size} × ${size}, ${values.threads} threads, ${values.runs} runs\n`);
console.log(
  table(["backbone", "frames a run", "P5 ms a frame", "median", "CPU ms", "gain of P5", "gain of CPU"], rows),
);
