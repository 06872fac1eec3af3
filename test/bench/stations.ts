/**
 * Several stations on one device: `node --import tsx test/bench/stations.ts [--stations 1,2,4,8] [--layouts 1x2,2x1]
 * [--seconds N] [--rounds N] [--models DIR --backbone NAME] [--rows N] [--size N] [--own-banks] [--parts-per-second N]`. A layout is processes
 * × threads. Each station has one frame of 1080p with its inference process at a time, as the daemon's have.
 *
 * `flood`: every station has its next frame ready at once; throughput, wait and Jain's fairness index
 * (Σx)² / (n · Σx²) of the frames of each. `paced`: so many parts a second of all stations together; wait and misses of a
 * deadline of 100 ms. Layouts are interleaved by rounds. Memory is that of the processes after the work. Prints Markdown tables.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import { writeBank } from "../../src/bank/bundle-write.ts";
import { presetParameters } from "../../src/bank/parameters.ts";
import { InferenceClient } from "../../src/inference/inference-client.ts";
import type { LoadBank } from "../../src/inference/protocol.ts";
import { percentile } from "../../src/patchcore/percentile.ts";
import type { FrameReference } from "../../src/shared/image.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import { bankOfRows, nominalEmbeddings } from "./bench-bank.ts";
import { machineLine, table } from "./report.ts";

const WIDTH = 1920;
const HEIGHT = 1080;
const DEADLINE_MS = 100;
const TIMEOUT_MS = 120_000;

const { values } = parseArgs({
  options: {
    stations: { type: "string", default: "1,2,4,8" },
    layouts: { type: "string", default: "1x2,2x1" },
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    models: { type: "string", multiple: true, default: [] },
    backbone: { type: "string", default: "efficientnet-lite0" },
    rows: { type: "string", default: "2500" },
    size: { type: "string", default: "224" },
    "own-banks": { type: "boolean", default: false },
    "parts-per-second": { type: "string", default: "10" },
  },
});

interface Station {
  readonly name: string;
  readonly client: InferenceClient;
  readonly frame: FrameReference;
}

interface Rig {
  readonly clients: readonly InferenceClient[];
  readonly stations: readonly Station[];
}

interface Outcome {
  /** Frames of each station. */
  readonly counts: readonly number[];
  /** From the request to its score, ms. */
  readonly waits: readonly number[];
}

const folder = mkdtempSync(join(tmpdir(), "nominald-bench-"));
const parameters = presetParameters("edge", { size: Number(values.size), detail: null });
const backbone = await findBackbone([...values.models, builtInModelsFolder()], { name: values.backbone });
const nominal = await nominalEmbeddings(backbone, parameters, 8);

/** A bank of its own for each station, or the same for all. */
async function bankPath(number: number): Promise<string> {
  const path = join(folder, `${number}.bank`);
  const bank = bankOfRows(backbone, parameters, nominal, Number(values.rows));
  // One number that differs makes another bank.
  bank.rows[0] = number;
  const { format: _format, formatVersion: _version, files: _files, ...manifest } = bank.manifest;
  const images = nominal.rows / nominal.patches;
  const scores = new Array<number>(images).fill(1);
  const calibration = { ...manifest.calibration, scores, mapMaxima: scores };
  await writeBank(path, { ...bank, manifest: { ...manifest, calibration, name: `bench-${number}` } });
  return path;
}

const slot = join(folder, "slot");
const pixels = new Uint8Array(WIDTH * HEIGHT * 3);
for (let i = 0; i < pixels.length; i++) pixels[i] = (i * 2_654_435_761) >>> 24;
writeFileSync(slot, pixels);
const most = Math.max(...values.stations.split(",").map(Number));
const banks: string[] = [];
for (let i = 0; i < (values["own-banks"] ? most : 1); i++) banks.push(await bankPath(i));

async function open(count: number, processes: number, threads: number): Promise<Rig> {
  const settings = { threads, spinning: false, provider: "cpu" } as const;
  const clients = Array.from({ length: Math.min(processes, count) }, () => {
    const timeouts = { startTimeoutMs: TIMEOUT_MS, frameTimeoutMs: TIMEOUT_MS };
    return new InferenceClient({ settings, ...timeouts, logger: silentLogger, onLost: fail });
  });
  await Promise.all(clients.map((client) => client.start()));
  const stations: Station[] = [];
  for (let i = 0; i < count; i++) {
    const client = clients[i % clients.length];
    const bank = banks[i % banks.length];
    if (client === undefined || bank === undefined) throw new Error("unreachable: there is at least one of each");
    const name = `line1/st${i}`;
    await client.loadBank(loadOf(name, bank));
    const frame = { slot: 0, path: slot, seq: i, width: WIDTH, height: HEIGHT, format: "RGB" } as const;
    stations.push({ name, client, frame: { ...frame, capturedAtMs: 0, deliveredAtMs: 0 } });
  }
  return { clients, stations };
}

function fail(error: Error): void {
  throw error;
}

function loadOf(station: string, bank: string): LoadBank {
  return {
    ...{ station, bankPath: bank, modelsFolders: values.models, index: "auto" },
    validity: { check: false, minBrightness: null, maxSaturated: null, minSharpness: null },
    pictures: { mask: false, overlay: false, overlayFormat: "jpeg", overlayQuality: 80, size: 64 },
  };
}

async function score({ name, client, frame }: Station): Promise<number> {
  const begunMs = systemClock.monotonicMs();
  await client.score(name, frame, begunMs + DEADLINE_MS, false).scored;
  return systemClock.monotonicMs() - begunMs;
}

/** @param everyMs from one frame of a station to the next; null: at once */
async function work({ stations }: Rig, everyMs: number | null): Promise<Outcome> {
  const waits: number[] = [];
  const endMs = systemClock.monotonicMs() + 1_000 * Number(values.seconds);
  const counts = await Promise.all(
    stations.map(async (station, i) => {
      let count = 0;
      // Cameras do not run in step.
      if (everyMs !== null) await sleep((everyMs * i) / stations.length);
      for (;;) {
        const begunMs = systemClock.monotonicMs();
        if (begunMs >= endMs) return count;
        waits.push(await score(station));
        count++;
        const leftMs = begunMs + (everyMs ?? 0) - systemClock.monotonicMs();
        if (leftMs > 0) await sleep(leftMs);
      }
    }),
  );
  return { counts, waits };
}

function jain(counts: readonly number[]): number {
  return sum(counts) ** 2 / (counts.length * sum(counts.map((count) => count * count)));
}

/** Resident memory of a process, MiB. */
function residentMib(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
}

/** User and system time of a process so far, ms. */
function cpuMs(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user = NaN, system = NaN] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return (user + system) * 10;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function merged(outcomes: readonly Outcome[]): Outcome {
  const counts = outcomes[0]?.counts.map((_, i) => sum(outcomes.map((outcome) => outcome.counts[i] ?? 0))) ?? [];
  return { counts, waits: outcomes.flatMap(({ waits }) => waits) };
}

const flood: string[][] = [];
const paced: string[][] = [];
const rounds = Number(values.rounds);
for (const count of values.stations.split(",").map(Number)) {
  const layouts = values.layouts
    .split(",")
    .map((layout) => layout.split("x").map(Number))
    .filter(([processes = 1]) => processes <= count);
  const rigs = await Promise.all(
    layouts.map(async ([processes = 1, threads = 1]) => ({
      ...{ name: `${processes} × ${threads}`, floods: [] as Outcome[], paces: [] as Outcome[], cpu: 0 },
      rig: await open(count, processes, threads),
    })),
  );
  for (const { rig } of rigs) await Promise.all(rig.stations.map(score));
  for (let round = 0; round < rounds; round++) {
    for (const one of rigs) {
      const used = (): number => sum(one.rig.clients.map(({ pid }) => cpuMs(pid)));
      const before = used();
      one.floods.push(await work(one.rig, null));
      one.cpu += used() - before;
      one.paces.push(await work(one.rig, (1_000 * count) / Number(values["parts-per-second"])));
    }
  }
  for (const { name, rig, floods, paces, cpu } of rigs) {
    const [all, times] = [merged(floods), merged(paces)];
    const memory = sum(rig.clients.map(({ pid }) => residentMib(pid)));
    const frames = sum(all.counts);
    const percentiles = (waits: readonly number[]): string[] => [50, 99].map((at) => percentile(waits, at).toFixed(1));
    const rate = frames / rounds / Number(values.seconds);
    flood.push([
      ...[String(count), name, rate.toFixed(1), ...percentiles(all.waits), (cpu / frames).toFixed(1)],
      ...[jain(all.counts).toFixed(3), memory.toFixed(0), (memory / count).toFixed(0)],
    ]);
    const misses = times.waits.filter((waitMs) => waitMs > DEADLINE_MS).length;
    paced.push([String(count), name, ...percentiles(times.waits), `${misses} of ${times.waits.length}`]);
    await Promise.all(rig.clients.map((client) => client.close()));
  }
}
rmSync(folder, { recursive: true, force: true });
const banksText = values["own-banks"] ? "a bank of its own each" : "one bank for all";
console.log(`${machineLine()}, ${values.rounds} rounds of ${values.seconds} s each`);
console.log(`${backbone.manifest.name}, 1080p → ${values.size} × ${values.size}, ${values.rows} rows, ${banksText}\n`);
console.log("Flood:\n");
const layoutHead = ["stations", "processes × threads"];
console.log(
  table(
    [...layoutHead, "frames/s", "P50 ms", "P99 ms", "CPU ms a frame", "fairness (Jain)", "memory MiB", "MiB a station"],
    flood,
  ),
);
console.log(`\n${values["parts-per-second"]} parts a second in all, deadline ${DEADLINE_MS} ms:\n`);
console.log(table([...layoutHead, "P50 ms", "P99 ms", "late"], paced));
