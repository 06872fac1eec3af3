/**
 * Months of an inference process in minutes: `npm run bench:memory [-- --frames N] [--size N] [--frame WxH] [--rows N]
 * [--swap-every N] [--variants "name;name:VARIABLE=value,VARIABLE=value"]`. The built inference process scores frames and
 * draws their pictures one after the other, and takes another bank every so many frames; each variant has a process with
 * these variables in its environment, and they take turns. Prints for each what was resident, by what it belongs to, at shares
 * of the frames that double, time and CPU of a frame, and bytes that the second half added a frame. `--csv FILE` has all looks. Ctrl-C ends it early,
 * and tells what was seen so far.
 */
import { readFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import { writeBank } from "../../src/bank/bundle-write.ts";
import { presetParameters } from "../../src/bank/parameters.ts";
import { renderPart } from "../../src/cli/demo/render-part.ts";
import type * as client from "../../src/inference/inference-client.ts";
import type { LoadBank } from "../../src/inference/protocol.ts";
import { percentile } from "../../src/patchcore/percentile.ts";
import type { FrameReference } from "../../src/shared/image.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { bankOfRows, nominalEmbeddings } from "./bench-bank.ts";
import { residentOf, type Resident } from "../support/resident-memory.ts";
import { machineLine, table } from "./report.ts";

const TIMEOUT_MS = 120_000;
/** Different pictures, so that what is encoded has different lengths. */
const PICTURES = 16;
/** Frames of one variant before the next has its turn. */
const ROUND = 10;
const LOOKS = 200;
const TICKS_PER_S = 100;

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "100000" },
    size: { type: "string", default: "64" },
    frame: { type: "string", default: "640x480" },
    rows: { type: "string", default: "500" },
    "swap-every": { type: "string", default: "2000" },
    variants: { type: "string", default: "as built" },
    /** Folder of the built program; another one's figures can be had with the same bench. */
    built: { type: "string", default: "dist" },
    csv: { type: "string" },
  },
});
const frameCount = Number(values.frames);
const swapEvery = Number(values["swap-every"]);
const [width = 0, height = 0] = values.frame.split("x").map(Number);
if (!(frameCount >= 2 * LOOKS && swapEvery >= ROUND && width > 0 && height > 0)) {
  throw new Error(`Expected --frames of ${2 * LOOKS}, --swap-every of ${ROUND} at least, and --frame such as 640x480`);
}

// The process as it is installed: a loader of TypeScript would have a heap and threads of its own in it.
process.execArgv.length = 0;
const built = pathToFileURL(resolve(values.built, "inference/inference-client.js")).href;
const { InferenceClient } = (await import(built)) as typeof client;

const folder = mkdtempSync(join(tmpdir(), "nominald-memory-"));
const parameters = presetParameters("edge", { size: Number(values.size), detail: null });
const backbone = await findBackbone([builtInModelsFolder()], { name: "efficientnet-lite0" });
const nominal = await nominalEmbeddings(backbone, parameters, 8);

async function bankPath(number: number): Promise<string> {
  const path = join(folder, `${number}.bank`);
  const bank = bankOfRows(backbone, parameters, nominal, Number(values.rows));
  // One number that differs makes another bank.
  bank.rows[0] = number;
  const { format: _format, formatVersion: _version, files: _files, ...manifest } = bank.manifest;
  const scores = new Array<number>(nominal.rows / nominal.patches).fill(1);
  const calibration = { ...manifest.calibration, scores, mapMaxima: scores };
  await writeBank(path, { ...bank, manifest: { ...manifest, calibration, name: `bench-${number}` } });
  return path;
}

async function slotFrame(number: number): Promise<FrameReference> {
  const { image } = await renderPart({ seed: number, defect: number % 2 === 0 ? null : "scratch", size: 480 });
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const path = join(folder, `${number}.raw`);
  writeFileSync(path, await sharp(image.data, { raw }).resize(width, height, { fit: "fill" }).raw().toBuffer());
  return { slot: number, path, seq: number, width, height, format: "RGB", capturedAtMs: 0, deliveredAtMs: 0 };
}

const banks = [await bankPath(0), await bankPath(1)];
const frames: FrameReference[] = [];
for (let number = 0; number < PICTURES; number++) frames.push(await slotFrame(number));

interface Look {
  readonly frames: number;
  readonly resident: Resident;
}

interface Variant {
  readonly name: string;
  readonly client: client.InferenceClient;
  readonly looks: Look[];
  /** From the request to the score, ms. */
  readonly waits: Float32Array;
  scored: number;
}

/** @param text `name` or `name:VARIABLE=value,VARIABLE=value` */
async function open(text: string): Promise<Variant> {
  const [name = "", assignments = ""] = text.split(/:(.*)/s);
  const given = assignments.split(",").filter((part) => part !== "");
  const pairs = given.map((part) => part.split(/=(.*)/s).slice(0, 2) as [string, string]);
  Object.assign(process.env, Object.fromEntries(pairs));
  const inference = new InferenceClient({
    settings: { threads: 2, spinning: false, provider: "cpu" },
    ...{ startTimeoutMs: TIMEOUT_MS, frameTimeoutMs: TIMEOUT_MS },
    logger: silentLogger,
    onLost: (error) => {
      throw error;
    },
  });
  await inference.start();
  for (const [variable] of pairs) Reflect.deleteProperty(process.env, variable);
  await inference.loadBank(loadOf(0));
  return { name, client: inference, looks: [], waits: new Float32Array(frameCount), scored: 0 };
}

function loadOf(number: number): LoadBank {
  return {
    ...{ station: "line1/st1", bankPath: banks[number % banks.length] ?? "", modelsFolders: [], index: "auto" },
    validity: { check: false, minBrightness: null, maxSaturated: null, minSharpness: null },
    pictures: { mask: true, overlay: true, overlayFormat: "jpeg", overlayQuality: 80, size: 320 },
  };
}

async function work(variant: Variant, count: number): Promise<void> {
  const { client: inference, waits } = variant;
  for (const end = variant.scored + count; variant.scored < end; variant.scored++) {
    if (variant.scored > 0 && variant.scored % swapEvery === 0) {
      await inference.loadBank(loadOf(variant.scored / swapEvery));
    }
    const frame = frames[variant.scored % frames.length];
    if (frame === undefined) throw new Error("unreachable: there are pictures");
    const begun = performance.now();
    const { scored, pictures } = inference.score("line1/st1", { ...frame, seq: variant.scored }, null, true);
    await scored;
    waits[variant.scored] = performance.now() - begun;
    if ((await pictures) === null) throw new Error("Expected pictures of each frame but one had none");
  }
}

async function look({ client: inference, looks, scored }: Variant): Promise<void> {
  const resident = await residentOf(inference.pid ?? 0);
  if (resident === null) throw new Error("Expected the inference process to live but it is gone");
  looks.push({ frames: scored, resident });
}

/** User and system time of all threads of a process, ms. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_S;
}

const variants: Variant[] = [];
for (const text of values.variants.split(";")) variants.push(await open(text));
const begunMs = performance.now();
const every = Math.max(1, Math.floor(frameCount / LOOKS / ROUND));
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
for (let round = 0; round * ROUND < frameCount && !interrupted.signal.aborted; round++) {
  // Whoever goes first has the same chance of a busy moment as the others.
  for (let i = 0; i < variants.length; i++) {
    const variant = variants[(i + round) % variants.length];
    if (variant === undefined) throw new Error("unreachable: there is at least one variant");
    await work(variant, Math.min(ROUND, frameCount - variant.scored));
    // The first rounds show the rise.
    if (round < 10 || round % every === 0) await look(variant);
  }
}
for (const variant of variants) await look(variant);

const mib = (value: number | undefined): string => (value ?? NaN).toFixed(1);
const least = Math.min(...variants.map(({ scored }) => scored));
const shares = [0, 0.03, 0.06, 0.125, 0.25, 0.5, 1].map((share) => share * least);
console.log(`${machineLine()}; ${((performance.now() - begunMs) / 60_000).toFixed(1)} minutes\n`);
for (const variant of variants) {
  const rows = shares.map((share) => {
    const { frames: at = 0, resident } = variant.looks.find(({ frames: count }) => count >= share) ?? {};
    const { mainArena, threadArenas, threadArenaCount, otherAnonymous, files, total } = resident ?? {};
    return [
      String(at),
      ...[total, mainArena, threadArenas].map(mib),
      String(threadArenaCount),
      mib(otherAnonymous),
      mib(files),
    ];
  });
  console.log(`${variant.name}: MiB resident\n`);
  console.log(
    `${table(["frames", "all", "main arena", "threads' arenas", "their number", "other anonymous", "files"], rows)}\n`,
  );
}
console.log(
  table(
    ["variant", "P50 ms", "P99 ms", "CPU ms a frame", "growth of the second half, bytes a frame"],
    variants.map(({ name, client: inference, looks, waits, scored }) => {
      const half = looks.filter(({ frames: count }) => count >= scored / 2);
      const grown = (half.at(-1)?.resident.total ?? NaN) - (half[0]?.resident.total ?? NaN);
      const times = Array.from(waits.subarray(0, scored));
      return [
        name,
        percentile(times, 50).toFixed(2),
        percentile(times, 99).toFixed(2),
        (cpuMs(inference.pid ?? 0) / scored).toFixed(2),
        ((grown * 2 ** 20) / (scored / 2)).toFixed(1),
      ];
    }),
  ),
);
if (values.csv !== undefined) {
  const rows = variants.flatMap(({ name, looks }) =>
    looks.map(({ frames: at, resident }) => [name, at, ...Object.values<number>({ ...resident })].join(",")),
  );
  const head = "variant,frames,total,main_arena,thread_arenas,thread_arena_count,other_anonymous,files";
  writeFileSync(values.csv, `${[head, ...rows].join("\n")}\n`);
}
await Promise.all(variants.map(({ client: inference }) => inference.close()));
rmSync(folder, { recursive: true });
