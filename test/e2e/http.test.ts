import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { stringify } from "yaml";
import type { StationReadiness } from "../../src/daemon/health.ts";
import type { NominaldProcess } from "../support/daemon-process.ts";
import { ask, type HttpReply } from "../support/http.ts";
import { freePort, startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";

const BALL = { source: "test", pattern: "ball", width: 64, height: 64, framerate: 10 };

let broker: Mosquitto;
let line: TestLine;
let daemon: NominaldProcess;
let options: { broker: string; camera: object; station: object; device: { http: object } };
let port = 0;

/** A daemon whose HTTP port another program has when it starts. */
const other = createServer();

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS);
  port = await freePort();
  other.listen(port, "127.0.0.1");
  await once(other, "listening");
  options = { broker: broker.url, camera: BALL, station: { mode: "continuous" }, device: { http: { port } } };
  daemon = await line.run(options);
});

after(async () => {
  await daemon.dispose();
  other.close();
  await broker.dispose();
  await line.dispose();
});

/** @returns null while nothing listens */
async function get(path: string, at = port): Promise<HttpReply | null> {
  try {
    return await ask(at, { path });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") return null;
    throw error;
  }
}

async function readiness(): Promise<{ status: number; ready: boolean; stations: StationReadiness[] }> {
  const { status, body } = (await get("/readyz")) ?? { status: 0, body: "{}" };
  return { status, ...(JSON.parse(body) as { ready: boolean; stations: StationReadiness[] }) };
}

test("a port that another program has is told in words and ends nothing; once it is free the server comes", async () => {
  const { msg } = await daemon.logged("the fault", ({ code }) => code === "http-listen");
  assert.match(msg, new RegExp(`port ${port} of 127\\.0\\.0\\.1 .* another program has it`));
  await daemon.logged("the station at work", ({ msg }) => msg === "camera is playing");
  other.close();
  await once(other, "close");
  await until("an answer", async () => (await get("/healthz"))?.status === 200);
  // It was told once, however often it was tried.
  assert.equal(daemon.log().filter(({ code }) => code === "http-listen").length, 1);
});

test("/readyz is 200 with a line for each station once all give verdicts, 503 with the reason while one cannot", async () => {
  await until("a ready device", async () => (await readiness()).ready);
  const whole = await readiness();
  assert.equal(whole.status, 200);
  assert.deepEqual(
    whole.stations.map(({ station, ready, state, because }) => ({ station, ready, state, because })),
    [{ station: "line1/st1", ready: true, state: "continuous", because: [] }],
  );
  const [capture] = await daemon.children("capture.child");
  assert.ok(capture !== undefined);
  // The loss is seen while the process that was killed is replaced; it is killed until it was.
  let lost: StationReadiness | undefined;
  await until("a device that is not ready", async () => {
    for (const child of await daemon.children("capture.child")) process.kill(child, "SIGKILL");
    const { status, stations } = await readiness();
    lost = stations.find(({ faults }) => faults.some(({ name }) => name === "camera-lost"));
    return status === 503 && lost !== undefined;
  });
  assert.match(lost?.because.join() ?? "", /0101 The camera delivers no frames .*Check power, cable and network/);
  assert.equal((await get("/healthz"))?.status, 200, "a camera that is away is no matter of the daemon's health");
});

test("a broker that is away is a reason, too", async () => {
  await broker.stop();
  await until("the reason", async () =>
    (await readiness()).stations.some(({ because }) => /no connection to the broker/.test(because.join())),
  );
  assert.equal((await readiness()).status, 503);
});

test("a changed port is taken over by a reload: the server is made anew and nothing else", async () => {
  // The camera was killed above, and comes back after a while.
  let captures: readonly number[] = [];
  await until("the camera's process", async () => {
    captures = await daemon.children("capture.child");
    return captures.length === 1;
  });
  const next = await freePort();
  const changed = { ...options, device: { http: { port: next } } };
  await writeFile(join(line.folder, "config.yaml"), stringify(line.config(changed)));
  daemon.kill("SIGHUP");
  await until("an answer at the new port", async () => (await get("/healthz", next))?.status === 200);
  assert.equal(await get("/healthz"), null, "nothing listens at the old one");
  assert.deepEqual(await daemon.children("capture.child"), captures);
});
