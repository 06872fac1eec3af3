/**
 * A whole fit, stage by stage, with the memory of all its processes, against the bare backbone on the same images.
 *
 *     node --import tsx test/bench/fit.ts                                    60 rendered washers, default backbone
 *     node --import tsx test/bench/fit.ts --images DIR [further options of nominald fit]
 *
 * Prints a Markdown table with machine and commit. The graph (HNSW) has a line of its own, as a fit need not build one.
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { decodeImageFile, listImageFiles } from "../../src/backbone/decode.ts";
import { EmbeddingSession } from "../../src/backbone/embedding-session.ts";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import { FramePreparer } from "../../src/backbone/prepare.ts";
import { readBankManifest } from "../../src/bank/bundle-read.ts";
import { renderPart } from "../../src/cli/demo/render-part.ts";
import { machineLine } from "./machine.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const RENDERED = 60;
const RENDERED_SIDE = 480;
const THREADS = 2;
const SAMPLE_MS = 50;
const TICKS_PER_SECOND = 100;
const STAGE = /^([a-z ]+): 100 % \((\d+)\/\d+\), ([\d:]+) in all$/;

async function rendered(folder: string): Promise<string> {
  await mkdir(folder);
  for (let i = 0; i < RENDERED; i++) {
    const { image } = await renderPart({ seed: i + 1, defect: null, size: RENDERED_SIDE });
    const raw = { width: image.width, height: image.height, channels: 3 } as const;
    await sharp(image.data, { raw })
      .png()
      .toFile(join(folder, `${String(i).padStart(3, "0")}.png`));
  }
  return folder;
}

interface Usage {
  /** Resident memory. */
  readonly bytes: number;
  /** User and system time, seconds; children that have ended included. */
  readonly cpuSeconds: number;
}

/** What a process and all below it use now, and have used. */
async function treeUsage(pid: number): Promise<Usage> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  // Fields 14 to 17 of proc(5): utime, stime, cutime, cstime; field 3 follows the name in brackets.
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 15);
  let bytes = 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
  let cpuSeconds = fields.reduce((sum, ticks) => sum + Number(ticks) / TICKS_PER_SECOND, 0);
  for (const task of await readdir(`/proc/${pid}/task`).catch(() => [])) {
    const children = await readFile(`/proc/${pid}/task/${task}/children`, "utf8").catch(() => "");
    for (const child of children.split(" ").filter((text) => text !== "")) {
      const below = await treeUsage(Number(child));
      bytes += below.bytes;
      cpuSeconds += below.cpuSeconds;
    }
  }
  return { bytes, cpuSeconds };
}

interface Run {
  readonly seconds: number;
  readonly peakBytes: number;
  /** On a busy machine the better measure of the two. */
  readonly cpuSeconds: number;
  readonly stages: readonly { readonly label: string; readonly count: number; readonly seconds: number }[];
}

/** `nominald fit` as a process of its own, its memory sampled from outside. */
async function runFit(args: readonly string[]): Promise<Run> {
  const begun = performance.now();
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, "fit", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  // Times of the stages as lines end them: the lines themselves tell whole seconds only.
  const ends: { label: string; count: number; atMs: number }[] = [];
  child.stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const [, label, count] = STAGE.exec(text.slice(0, end)) ?? [];
      if (label !== undefined) ends.push({ label, count: Number(count), atMs: performance.now() - begun });
      else if (!/%|images of/.test(text.slice(0, end))) console.error(text.slice(0, end));
      text = text.slice(end + 1);
    }
  });
  let peakBytes = 0;
  let cpuSeconds = 0;
  let isOver = false;
  const code = new Promise<number | null>((resolve) => child.on("close", resolve)).finally(() => (isOver = true));
  while (!isOver) {
    const usage = await treeUsage(child.pid ?? 0);
    peakBytes = Math.max(peakBytes, usage.bytes);
    cpuSeconds = Math.max(cpuSeconds, usage.cpuSeconds);
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  }
  if ((await code) !== 0) throw new Error(`Expected the fit to end with 0 but it ended with ${await code}`);
  const stages = ends.map(({ label, count, atMs }, i) => ({
    label,
    count,
    seconds: (atMs - (ends[i - 1]?.atMs ?? 0)) / 1000,
  }));
  return { seconds: (performance.now() - begun) / 1000, peakBytes, cpuSeconds, stages };
}

/** Decoding, preparing and embedding the same images, and nothing else. */
async function bareSeconds(bank: string, files: readonly string[], models: readonly string[]): Promise<number> {
  const { manifest } = await readBankManifest(bank);
  const { parameters } = manifest;
  const backbone = await findBackbone([...models, builtInModelsFolder()], manifest.backbone);
  const session = await EmbeddingSession.create({
    ...parameters,
    ...backbone,
    detail: null,
    threads: THREADS,
    spinning: false,
    provider: "cpu",
  });
  const begun = performance.now();
  const preparer = new FramePreparer(parameters);
  for (const file of files) {
    const picture = preparer.prepare(await decodeImageFile(file));
    await session.embed(picture.data, 1, picture.height, picture.width);
  }
  const seconds = (performance.now() - begun) / 1000;
  await session.close();
  return seconds;
}

const { values } = parseArgs({ strict: false, options: { images: { type: "string" }, models: { type: "string" } } });
const folder = await mkdtemp(join(tmpdir(), "nominald-bench-fit-"));
const images = typeof values.images === "string" ? values.images : await rendered(join(folder, "good"));
const further = typeof values.images === "string" ? process.argv.slice(2) : ["--images", images];
const bank = join(folder, "bench.bank");
const run = await runFit([...further, "--out", bank, "--threads", String(THREADS)]);
const files = await listImageFiles(images);
const bare = await bareSeconds(bank, files, typeof values.models === "string" ? [values.models] : []);
const { manifest } = await readBankManifest(bank);

console.log(`${machineLine()}, ${THREADS} threads, one run`);
console.log(
  `${files.length} images, ${manifest.backbone.name} at ${manifest.parameters.resize.width} × ${manifest.parameters.resize.height}, ` +
    `${manifest.rows} of ${manifest.nominal.patches} rows × ${manifest.dims}\n`,
);
console.log("| stage | seconds | ratio to the bare backbone |\n|---|---|---|");
const line = (label: string, seconds: number): void =>
  console.log(`| ${label} | ${seconds.toFixed(1)} | ${(seconds / bare).toFixed(2)} |`);
line("bare backbone, decoding included", bare);
for (const { label, count, seconds } of run.stages) line(`${label} (${count})`, seconds);
line("whole process, start to end", run.seconds);
console.log(
  `\nAll processes: ${run.cpuSeconds.toFixed(1)} s of CPU, at most ${(run.peakBytes / 1e6).toFixed(0)} MB resident`,
);
await rm(folder, { recursive: true });
process.exit();
