import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { NominaldProcess } from "../support/daemon-process.ts";
import { ask } from "../support/http.ts";
import { LineClient } from "../support/line-client.ts";
import { freePort, startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { destinationsOf, tracedThreads, tracing, type Destination } from "../support/traced-network.ts";
import { until } from "../support/until.ts";

/** Of TEST-NET-1 (RFC 5737): nobody's. */
const FOREIGN = "192.0.2.1";

let folder = "";
let broker: Mosquitto;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-outbound-"));
  broker = await startMosquitto();
});

after(async () => {
  await broker.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** What is neither the broker nor on this machine. Sockets that look names up for others count as outside. */
function outside(destinations: readonly Destination[]): readonly Destination[] {
  return destinations.filter(({ family, address }) => {
    if (family === "AF_UNIX") return /nscd|resolve|avahi/.test(address);
    return family !== "AF_UNSPEC" && !(family === "AF_INET" && address === `127.0.0.1:${broker.port}`);
  });
}

/** The trace of a process that has ended, whole: strace writes its end after that of its last other thread. */
async function wholeTrace(file: string, pid: number): Promise<string> {
  let trace = "";
  await until("the end of the trace", async () => {
    trace = await readFile(file, "utf8");
    return tracedThreads(trace).has(pid);
  });
  return trace;
}

test("the trace sees a foreign address and a datagram, of a child too", async () => {
  const file = join(folder, "control");
  const grandchild = `
    require("node:net").connect({ host: "${FOREIGN}", port: 443, timeout: 1 }).on("timeout", () => process.exit()).on("error", () => process.exit());
  `;
  const script = `
    const { spawnSync } = require("node:child_process");
    spawnSync(process.execPath, ["-e", ${JSON.stringify(grandchild)}]);
    require("node:dgram").createSocket("udp4").send("x", 5000, "${FOREIGN}", () => process.exit());
  `;
  const [program = "", ...args] = [...tracing(file), process.execPath, "-e", script];
  await promisify(execFile)(program, args, { timeout: 60_000 });
  let found: readonly string[] = [];
  await until("the trace", async () => {
    found = outside(destinationsOf(await readFile(file, "utf8"))).map(({ address }) => address);
    return found.length >= 2;
  });
  assert.deepEqual(found, [`${FOREIGN}:443`, `${FOREIGN}:5000`]);
});

test("a daemon at work, with all its children, speaks to its broker and to nobody else, and looks up no name", async (t) => {
  const line = await TestLine.prepare(ANY_VERDICTS);
  t.after(() => line.dispose());
  const client = await LineClient.connect(broker.url);
  t.after(() => client.close());
  const file = join(folder, "daemon");
  const port = await freePort();
  const daemon = await line.run({
    broker: broker.url,
    station: { mode: "continuous" },
    camera: { source: "test", pattern: "ball", width: 64, height: 64, framerate: 10 },
    device: { http: { port } },
    prefix: tracing(file),
  });
  t.after(() => daemon.dispose());
  await until("verdicts and records", () => client.results().length > 10 && client.records().length > 10);
  assert.equal((await ask(port, { path: "/metrics" })).status, 200);
  const children = [...(await daemon.children("capture.child")), ...(await daemon.children("inference.child"))];
  assert.equal(children.length, 2);
  daemon.kill("SIGTERM");
  assert.equal((await daemon.finished).code, 0);
  const trace = await wholeTrace(file, daemon.pid);
  const destinations = destinationsOf(trace);
  assert.deepEqual(outside(destinations), []);
  // It was looked at: the daemon's connections to the broker are in it, and the end of each child.
  assert.ok(destinations.some(({ address }) => address === `127.0.0.1:${broker.port}`));
  const traced = tracedThreads(trace);
  assert.deepEqual(
    [daemon.pid, ...children].filter((pid) => !traced.has(pid)),
    [],
  );
});

test("the demo, fit and all, speaks to its broker and to nobody else", async () => {
  const file = join(folder, "demo");
  const args = ["demo", "--parts", "8", "--broker", broker.url, "--out", join(folder, "out")];
  const demo = new NominaldProcess(args, {}, tracing(file));
  const { code, stdout, stderr } = await demo.finished;
  // What its verdicts are worth is not looked at here: on a busy machine pictures may give way (exit code 6).
  assert.ok(code === 0 || code === 6, `exit code ${code}: ${stdout}${stderr}`);
  const destinations = destinationsOf(await wholeTrace(file, demo.pid));
  assert.deepEqual(outside(destinations), []);
  assert.ok(destinations.some(({ address }) => address === `127.0.0.1:${broker.port}`));
});
