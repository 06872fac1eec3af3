import assert from "node:assert/strict";
import { after, before, test, type TestContext } from "node:test";
import type { LogLine, NominaldProcess } from "../support/daemon-process.ts";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";

/** Ends with an error after the sixth frame, each time. */
const FAILING =
  "videotestsrc is-live=true ! video/x-raw,format=RGB,width=64,height=64,framerate=30/1 ! identity error-after=6 ! " +
  "appsink name=sink max-buffers=1 drop=true sync=false";
const PASSWORD = "never-to-be-seen-4711";
/** Nothing listens on port 1, so the stream is refused each time. */
const REFUSED =
  `rtspsrc location=rtsp://viewer:${PASSWORD}@127.0.0.1:1/live user-pw="${PASSWORD} two" ! decodebin ! videoconvert ! ` +
  "video/x-raw,format=RGB ! appsink name=sink";
const RESTARTS = 6;
const MINUTE_MS = 60_000;

let broker: Mosquitto;
let line: TestLine;

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS);
});

after(async () => {
  await broker.dispose();
  await line.dispose();
});

async function start(t: TestContext, pipeline: string, device: object = {}) {
  const client = await LineClient.connect(broker.url);
  const camera = { source: "pipeline", pipeline };
  const daemon = await line.run({ broker: broker.url, station: { mode: "continuous" }, camera, device });
  t.after(async () => {
    await daemon.dispose();
    await client.close();
  });
  const begunAtMs = performance.now();
  // The broker keeps the state of the daemon of the test before.
  const { boot } = await daemon.logged("the start", ({ msg }) => msg === "daemon is up");
  const restarts = (): number => client.states().findLast((state) => state.boot === boot)?.camera.restarts ?? 0;
  const restarted = (times: number): Promise<void> => until(`${times} restarts`, () => restarts() >= times);
  return { client, daemon, begunAtMs, restarts, restarted };
}

/** Lines that tell of the same event, by level and words without numbers and without how often. */
function eventsOf(lines: readonly LogLine[]): Map<string, LogLine[]> {
  const events = new Map<string, LogLine[]>();
  for (const entry of lines) {
    const words = entry.msg.replace(/ \(repeated .*\)$/, "").replaceAll(/\d+/g, "#");
    const key = `${entry.level} ${words} ${JSON.stringify([entry["fault"], entry["problem"]])}`;
    events.set(key, [...(events.get(key) ?? []), entry]);
  }
  return events;
}

/** How often an event occurred, by what the log tells. */
function occurrences(lines: readonly LogLine[]): number {
  return lines.reduce((sum, { repeated }) => sum + (typeof repeated === "number" ? repeated : 1), 0);
}

async function stop(daemon: NominaldProcess): Promise<readonly LogLine[]> {
  daemon.kill("SIGTERM");
  assert.equal((await daemon.finished).code, 0);
  return daemon.log();
}

test("a camera that keeps failing: each event at once, then once a minute with its number; none is lost", async (t) => {
  const { daemon, begunAtMs, restarts, restarted } = await start(t, FAILING);
  await restarted(RESTARTS);
  const lines = await stop(daemon);
  const minutes = Math.ceil((performance.now() - begunAtMs) / MINUTE_MS);
  const events = eventsOf(lines);
  for (const [key, told] of events) {
    // The first, one a minute, and one at the end.
    assert.ok(told.length <= 1 + minutes, `${key}: ${told.length} lines in ${minutes} minutes`);
  }
  const losses = [...events].filter(([key]) => key.startsWith("warn capture of line#/st# lost, restarting"));
  const counted = losses.reduce((sum, [, told]) => sum + occurrences(told), 0);
  assert.ok(counted >= restarts(), `${counted} losses told of ${restarts()}`);
  assert.ok(losses.some(([, told]) => told.some(({ repeated }) => Number(repeated) >= RESTARTS - 2)));
  // The first line of each event was there at once, so the log says in order what happened.
  const firsts = ["camera is playing", "capture of line1/st1 lost"].map((words) =>
    lines.findIndex(({ msg }) => msg.startsWith(words)),
  );
  assert.ok(firsts.every((at) => at >= 0) && (firsts[0] ?? 0) < (firsts[1] ?? 0));
});

test("a login in a launch string is in no line, at any level, and in no message, however often it fails", async (t) => {
  const { client, daemon, restarted } = await start(t, REFUSED, { log: { level: "debug" } });
  await restarted(2);
  await stop(daemon);
  assert.ok(
    daemon.log().some(({ launch }) => String(launch).includes("rtsp://…@127.0.0.1:1/live user-pw=… !")),
    "the stream is named all the same",
  );
  assert.ok(!daemon.stderr.includes(PASSWORD));
  assert.ok(client.messages.every(({ payload }) => !payload.includes(PASSWORD)));
});

test("cmd/log-level: debug for the time asked for, told in answer and log, and the configured level after it", async (t) => {
  const { client, daemon } = await start(t, FAILING);
  await client.fault("camera-lost");
  const answer = async (args: object): Promise<Record<string, unknown>> => {
    const seen = client.texts("cmd/log-level/res").length;
    await client.publish("cmd/log-level", JSON.stringify({ transaction: `level-${seen}`, ...args }));
    await until("an answer", () => client.texts("cmd/log-level/res").length > seen);
    const { data, error } = JSON.parse(client.texts("cmd/log-level/res").at(-1) ?? "") as Record<string, object>;
    return { ...data, ...error };
  };
  assert.deepEqual(await answer({}), { level: "info", configured: "info", until: null });
  const raised = await answer({ level: "debug", forS: 2 });
  assert.deepEqual([raised["level"], raised["configured"]], ["debug", "info"]);
  await daemon.logged("the change", ({ msg }) => msg === "the level of the log is debug, for 2 s");
  await daemon.logged("the way back", ({ msg }) => msg === "the level of the log is info, as configured");
  assert.deepEqual(await answer({}), { level: "info", configured: "info", until: null });
  assert.equal((await answer({ level: "loud" }))["code"], "command-arguments");
});
