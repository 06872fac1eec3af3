/**
 * `npm run build && npm run bench:start -- [--starts N] [--rows N]`: how long the built daemon takes from its start to READY (what
 * systemd waits for; the goal is 3 s) and to its first verdict by a bank of 16,000 rows, golden frames scored before.
 * A synthetic camera, a broker on this machine. Prints a Markdown table with machine and commit.
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { connectAsync } from "mqtt";
import { createSocket } from "unix-dgram";
import { stringify } from "yaml";
import { readBankManifest } from "../../src/bank/bundle-read.ts";
import { parseResult } from "../../src/mqtt/payloads.ts";
import { percentile } from "../../src/patchcore/percentile.ts";
import { nominald } from "../support/daemon-process.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine, writeParts } from "../support/test-line.ts";
import { machineLine } from "./machine.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const RESULTS = "nominal/v1/test/line1/st1/plc/result";
const DEADLINE_MS = 120_000;
/** At 320 pixels a part has 1,600 patches: 12 make more than 16,000. */
const IMAGES = 12;

const { values } = parseArgs({
  options: { starts: { type: "string", default: "10" }, rows: { type: "string", default: "16000" } },
});

const broker = await startMosquitto();
const line = await TestLine.prepare(ANY_VERDICTS);
const bank = join(line.folder, "large.bank");
await writeParts(join(line.folder, "many"), new Array<null>(IMAGES).fill(null), 3_000);
const fit = await nominald([
  ...["fit", "--images", join(line.folder, "many"), "--out", bank, "--name", "large", "--size", "320"],
  ...["--coreset", "random", "--rows", values.rows, "--false-reject-rate", "0.1", "--no-report"],
]);
if (fit.code !== 0) throw new Error(`fit ended with ${fit.code}: ${fit.stderr}`);
const { manifest } = await readBankManifest(bank);

const notify = join(line.folder, "notify");
let onReady: () => void = () => undefined;
const socket = createSocket("unix_dgram", (message) => {
  if (message.toString().includes("READY=1")) onReady();
});
socket.bind(notify);
let onVerdict: () => void = () => undefined;
const client = await connectAsync(broker.url, { protocolVersion: 4 });
client.on("message", (_, payload) => {
  if (parseResult(payload).verdict !== "NO_VERDICT") onVerdict();
});
await client.subscribeAsync(RESULTS, { qos: 1 });

const camera = { source: "test", pattern: "ball", width: 640, height: 480, framerate: 30 };
const station = { mode: "continuous", bank, pictures: { mask: false, overlay: false } };

/** One start on a state folder of its own. @returns ms to READY and to the first verdict */
async function start(number: number): Promise<readonly [ready: number, verdict: number]> {
  const stateFolder = join(line.folder, `state-${number}`);
  mkdirSync(stateFolder);
  const file = join(line.folder, `start-${number}.yaml`);
  writeFileSync(file, stringify(line.config({ broker: broker.url, camera, station, device: { stateFolder } })));
  const within = <T>(what: string, begin: (done: (value: T) => void) => void): Promise<T> =>
    new Promise((done, fail) => {
      const impatience = setTimeout(() => fail(new Error(`Expected ${what} within ${DEADLINE_MS} ms`)), DEADLINE_MS);
      begin((value) => {
        clearTimeout(impatience);
        done(value);
      });
    });
  const begunMs = performance.now();
  const daemon = spawn(process.execPath, [join(ROOT, "dist/main.js"), "run", "--config", file], {
    env: { ...process.env, NOTIFY_SOCKET: notify },
    stdio: "ignore",
  });
  const ended = new Promise((done) => daemon.once("close", done));
  const spent = (): number => performance.now() - begunMs;
  const times = await Promise.all([
    within<number>("READY", (done) => (onReady = () => done(spent()))),
    within<number>("a verdict", (done) => (onVerdict = () => done(spent()))),
  ]);
  daemon.kill("SIGTERM");
  await ended;
  return times;
}

try {
  // The first one fills the caches of the disk and of GStreamer's plugins, and does not count.
  await start(0);
  const times: (readonly [number, number])[] = [];
  for (let number = 1; number <= Number(values.starts); number++) times.push(await start(number));
  console.log(`${machineLine()}; ${times.length} starts, bank of ${manifest.rows} rows × ${manifest.dims}`);
  console.log(`${manifest.golden?.frames.length ?? 0} golden frames in the bank\n`);
  console.log("| from the start to | median s | largest s |\n|---|---|---|");
  for (const [i, what] of ["READY", "the first verdict"].entries()) {
    const all = times.map((one) => (one[i] ?? NaN) / 1_000);
    console.log(`| ${what} | ${percentile(all, 50).toFixed(2)} | ${Math.max(...all).toFixed(2)} |`);
  }
} finally {
  socket.close();
  await client.endAsync();
  await broker.dispose();
  await line.dispose();
}
