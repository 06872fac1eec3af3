import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { stringify } from "yaml";
import { DeviceError } from "../shared/errors.ts";
import { EXIT } from "../shared/exit-codes.ts";
import { helpOf } from "./command-line/help.ts";
import { parseCommandLine } from "./command-line/parse.ts";
import { DEMO } from "./commands/demo.ts";
import { pushDemoConfig, trustDemoKey } from "./demo/demo-push.ts";
import { demoPage } from "./demo/demo-page.ts";
import { planFromMvtec, planRendered, type PlannedPart } from "./demo/demo-plan.ts";
import { summarise, summaryText, TABLE_HEAD, tableRow, type DemoSummary } from "./demo/demo-summary.ts";
import { EmbeddedBroker } from "./demo/embedded-broker.ts";
import { LineSubscriber } from "./demo/line-subscriber.ts";
import type { CommandIo } from "./io.ts";
import { makeOutputFolder } from "./output.ts";

const IDENTITY = { site: "demo", line: "line1", station: "washers" } as const;
/** Parts a second; a pace that a person can follow. */
const FRAMERATE = 5;
/** From the start of the daemon, or the last message, to the next one at most this. */
const SILENCE_MS = 30_000;
/** Pictures that are still to come when every record is there come within this, or never. */
const PICTURES_MS = 5_000;
/** Of so many parts the pictures may give way to verdicts on a busy machine; beyond it there is little to see. */
const MOST_MISSING_SHARE = 0.25;
const STOP_DEADLINE_MS = 10_000;
/** 60 images can show a false-reject rate of one in a hundred at most; the default of one in a thousand is for lines. */
const CALIBRATION = ["--false-reject-rate", "0.01"];
/** Below it on the rendered parts something is broken, not merely unlucky. */
const LEAST_AUROC = 0.9;

interface DemoRun {
  readonly io: CommandIo;
  readonly out: string;
  readonly work: string;
  readonly url: string;
  readonly plan: readonly PlannedPart[];
}

export async function demoCommand(args: string[], io: CommandIo): Promise<number> {
  const { values } = parseCommandLine(DEMO, args);
  if (values.help === true) {
    io.out(helpOf(DEMO));
    return EXIT.ok;
  }
  const count = Number(values.parts ?? 60);
  const seed = Number(values.seed ?? 1);
  if (!Number.isInteger(count) || count < 2 || count > 10_000 || !Number.isInteger(seed) || seed < 0) {
    io.err(`Expected whole numbers for --parts (2 to 10000) and --seed.\n\n${helpOf(DEMO)}`);
    return EXIT.usage;
  }
  const out = resolve(values.out ?? "demo-out");
  makeOutputFolder(out);
  const work = await mkdtemp(join(tmpdir(), "nominald-demo-"));
  const broker = new EmbeddedBroker();
  try {
    const folders = { nominal: join(work, "nominal"), parts: join(work, "parts") };
    io.out(values.images === undefined ? "Rendering parts …" : `Reading parts from ${values.images} …`);
    const plan =
      values.images === undefined
        ? await planRendered(folders, count, seed)
        : await planFromMvtec(folders, values.images, count, seed);
    io.out("Fitting a memory bank on the nominal images …");
    const bank = join(out, "demo.bank");
    const fitted = await runToEnd(
      ["fit", "--images", folders.nominal, "--out", bank, "--name", "demo", ...CALIBRATION],
      io.signal,
    );
    if (fitted !== 0) return io.signal.aborted ? EXIT.interrupted : fitted;
    const url = values.broker ?? (await broker.start());
    return await inspect({ io, out, work, url, plan }, bank, values.images === undefined);
  } finally {
    await broker.close();
    await rm(work, { recursive: true, force: true });
  }
}

async function inspect(run: DemoRun, bank: string, rendered: boolean): Promise<number> {
  const { io, out, work, url, plan } = run;
  const problems: string[] = [];
  let lastMessageMs = Date.now();
  const colour = io.isTerminal && process.env["NO_COLOR"] === undefined;
  const subscriber = new LineSubscriber({
    url,
    identity: IDENTITY,
    onResult: () => (lastMessageMs = Date.now()),
    onRecord: (part) => {
      lastMessageMs = Date.now();
      io.out(tableRow(part, plan[part.result.seq - 1], colour));
    },
    onBroken: (problem) => problems.push(problem),
  });
  await subscriber.start();
  const config = join(out, "demo.yaml");
  await writeFile(config, stringify(configuration(url, bank, work)));
  io.out(`Starting the daemon: nominald run --config ${config}\n\n${TABLE_HEAD}`);
  const push = { stateFolder: join(work, "state"), work, url, station: `${IDENTITY.line}/${IDENTITY.station}`, io };
  trustDemoKey(push);
  const daemon = startDaemon(config, join(out, "daemon.log"));
  let pushed: Promise<string | null> | null = null;
  try {
    while (subscriber.complete() < plan.length && !io.signal.aborted && daemon.exitCode === null) {
      await sleep(50);
      if (subscriber.recorded() > 0) pushed ??= pushDemoConfig(push);
      const silentMs = Date.now() - lastMessageMs;
      if (subscriber.recorded() === plan.length && silentMs > PICTURES_MS) break;
      if (silentMs > SILENCE_MS) {
        problems.push(`no message for ${SILENCE_MS / 1_000} s`);
        break;
      }
    }
    if (subscriber.recorded() > 0 && !io.signal.aborted) pushed ??= pushDemoConfig(push);
    const problem = io.signal.aborted ? null : await pushed;
    if (problem !== null) problems.push(problem);
  } finally {
    const code = await stop(daemon);
    if (code !== 0) problems.push(`the daemon ended with ${code}; see ${join(out, "daemon.log")}`);
    await subscriber.close();
  }
  if (io.signal.aborted) return EXIT.interrupted;
  const summary = summarise(plan, subscriber.parts);
  problems.push(...(await shortcomings(subscriber, plan, summary, rendered)));
  await writeResults(run, subscriber, summary);
  for (const line of summaryText(summary)) io.out(line);
  const missing = withoutPictures(subscriber);
  if (missing > 0) {
    io.out(
      `  parts whose pictures did not come: ${missing}; dropped, so that no verdict waited: ${subscriber.picturesDropped}`,
    );
  }
  io.out(`\n  ${join(out, "index.html")} shows the last overlays; ${join(out, "daemon.log")} is the daemon's log.`);
  for (const problem of problems) io.err(`demo failed: ${problem}`);
  return problems.length === 0 ? EXIT.ok : EXIT.demoFailed;
}

/** What keeps this run from being the main job done. */
async function shortcomings(
  subscriber: LineSubscriber,
  plan: readonly PlannedPart[],
  summary: DemoSummary,
  rendered: boolean,
): Promise<string[]> {
  const found: string[] = [];
  const order = [...subscriber.parts.keys()];
  if (order.length !== plan.length || order.some((seq, i) => seq !== i + 1)) {
    found.push(`expected results 1 to ${plan.length} in order but received ${order.join(" ")}`);
  }
  if (summary.withoutVerdict > 0) found.push(`${summary.withoutVerdict} parts without PASS or FAIL`);
  found.push(...(await pictureProblems(subscriber, plan.length)));
  if (rendered && summary.imageAuroc !== null && summary.imageAuroc < LEAST_AUROC) {
    found.push(`image AUROC ${summary.imageAuroc.toFixed(3)} is below ${LEAST_AUROC}`);
  }
  return found;
}

function withoutPictures({ parts }: LineSubscriber): number {
  return [...parts.values()].filter(({ mask, overlay }) => mask === undefined || overlay === undefined).length;
}

/** Pictures may give way to verdicts: then they are missing, and counted. Those that came must show something. */
async function pictureProblems(subscriber: LineSubscriber, count: number): Promise<string[]> {
  const found: string[] = [];
  const missing = withoutPictures(subscriber);
  for (const { mask, overlay, result } of subscriber.parts.values()) {
    for (const picture of [mask, overlay]) {
      if (picture === undefined) continue;
      // A picture that cannot be decoded makes sharp throw, and its text is the finding.
      const problem = await sharp(picture)
        .stats()
        .then(() => null, String);
      if (problem !== null) found.push(`picture of part ${result.seq}: ${problem}`);
    }
  }
  const { picturesDropped } = subscriber;
  if (missing > picturesDropped) {
    found.push(`pictures of ${missing} parts never came, but the station counts ${picturesDropped} as dropped`);
  }
  if (missing > count * MOST_MISSING_SHARE) found.push(`pictures of ${missing} of ${count} parts never came`);
  return found;
}

async function writeResults({ out, plan }: DemoRun, subscriber: LineSubscriber, summary: DemoSummary): Promise<void> {
  const overlays = join(out, "overlays");
  await rm(overlays, { recursive: true, force: true });
  await mkdir(overlays);
  for (const { result, overlay, mask } of subscriber.parts.values()) {
    const stem = join(overlays, `${String(result.seq).padStart(4, "0")}-${result.verdict}`);
    if (overlay !== undefined) await writeFile(`${stem}.jpg`, overlay);
    if (mask !== undefined) await writeFile(`${stem}.mask.png`, mask);
  }
  await writeFile(join(out, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  await writeFile(join(out, "index.html"), demoPage(plan, subscriber.parts, summary));
}

function configuration(url: string, bank: string, work: string): object {
  return {
    site: IDENTITY.site,
    device: "demo",
    stateFolder: join(work, "state"),
    // The demo runs beside a daemon that has the port.
    http: { enabled: false },
    // The embedded broker speaks MQTT 3.1.1.
    broker: { url, version: "3.1.1" },
    stations: [
      {
        line: IDENTITY.line,
        name: IDENTITY.station,
        mode: "camera",
        bank,
        deadlineMs: 10_000,
        maxPending: 64,
        camera: { source: "folder", path: join(work, "parts"), loop: false, paced: true, framerate: FRAMERATE },
      },
    ],
  };
}

/** The program's own entry, compiled or not. */
function mainFile(): string {
  return fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../main.ts" : "../main.js", import.meta.url));
}

function startDaemon(config: string, logFile: string): ChildProcess {
  const child = spawn(process.execPath, [...process.execArgv, mainFile(), "run", "--config", config], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  child.stderr?.pipe(createWriteStream(logFile));
  return child;
}

async function stop(child: ChildProcess): Promise<number | string> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? String(child.signalCode);
  const ended = new Promise<number | string>((done) =>
    child.once("exit", (code, signal) => done(code ?? String(signal))),
  );
  child.kill("SIGTERM");
  const impatience = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  const code = await ended;
  clearTimeout(impatience);
  return code;
}

/** Runs a subcommand in a process of its own; its output is this process's. */
async function runToEnd(args: string[], signal: AbortSignal): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, mainFile(), ...args], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const abort = (): void => void child.kill("SIGINT");
  signal.addEventListener("abort", abort);
  try {
    return await new Promise<number>((done, fail) => {
      child.once("error", (cause) =>
        fail(new DeviceError("spawn-failed", `Expected to start ${args[0] ?? ""} but: ${cause.message}`)),
      );
      child.once("exit", (code) => done(code ?? EXIT.bug));
    });
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
