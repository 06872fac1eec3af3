import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FAMILIES } from "../../src/metrics/families.ts";
import type { NominaldProcess } from "../support/daemon-process.ts";
import { namesOf, seriesOf, valueOf } from "../support/exposition.ts";
import { ask } from "../support/http.ts";
import { LineClient } from "../support/line-client.ts";
import { freePort, startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { dashboardExpressions, ruleExpressions, RULES, selectorsOf } from "../support/promql.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";

const STATION = { station: "line1/st1" };
const CASES = new URL("../metrics/alerts.promtool.yml", import.meta.url);

let broker: Mosquitto;
let line: TestLine;
let daemon: NominaldProcess;
let client: LineClient;
let port = 0;

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS);
  client = await LineClient.connect(broker.url);
  port = await freePort();
  daemon = await line.run({
    broker: broker.url,
    station: { mode: "continuous" },
    camera: { source: "test", pattern: "ball", width: 64, height: 64, framerate: 10 },
    device: { http: { port } },
  });
  await until("verdicts and pictures", () => client.results().length >= 5 && client.records().length >= 5);
});

after(async () => {
  await client.close();
  await daemon.dispose();
  await broker.dispose();
  await line.dispose();
});

async function scrape(): Promise<string> {
  const { status, headers, body } = await ask(port, { path: "/metrics" });
  assert.equal(status, 200);
  assert.equal(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  return body;
}

/** promtool comes with Debian's package prometheus, 96 MB and a service: it is used where it is, not installed for this. */
function promtool(args: readonly string[], input = ""): { readonly missing: boolean; readonly output: string } {
  const { error, status, stdout, stderr } = spawnSync("promtool", args, { input, encoding: "utf8", timeout: 60_000 });
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ENOENT") return { missing: true, output: "" };
  assert.equal(status, 0, stdout + stderr);
  return { missing: false, output: stdout + stderr };
}
const NO_PROMTOOL = "promtool is not installed (Debian: prometheus); the grammar is checked in test/metrics";

test("every name of dashboard and rules has a sample in a real scrape, and every family is there", async () => {
  const text = await scrape();
  const names = namesOf(text);
  const asked = [...dashboardExpressions(), ...ruleExpressions()].flatMap(selectorsOf).map(({ name }) => name);
  const missing = [...new Set(asked)].filter((name) => name !== "up" && !names.has(name));
  assert.deepEqual(missing, []);
  for (const { name, kind } of Object.values(FAMILIES)) assert.ok(text.includes(`# TYPE ${name} ${kind}\n`), name);
  // Nothing is exported that the table, and so docs/metrics.md, does not have.
  const typed = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  assert.equal(typed.length, Object.keys(FAMILIES).length);
  assert.ok(seriesOf(text).every((series) => series.startsWith("nominald_")));
});

test("counts are those of what a subscriber heard", async () => {
  await client.publish("cmd/pause", JSON.stringify({ transaction: "pause" }));
  await until("a station that is paused", () => client.texts("plc/state").at(-1) === "9");
  // Frames that were on their way have their outcome before the pause is shown, except for what comes during it.
  const heard = (verdict: string): number => client.results().filter((result) => result.verdict === verdict).length;
  const counted = (text: string, verdict: string) =>
    valueOf(text, "nominald_verdicts_total", { ...STATION, verdict, reason: "none" });
  await until("the same counts", async () => {
    const text = await scrape();
    const scored = heard("PASS") + heard("FAIL");
    return (
      counted(text, "PASS") === heard("PASS") &&
      counted(text, "FAIL") === heard("FAIL") &&
      valueOf(text, "nominald_score_threshold_ratio_count", STATION) === scored &&
      valueOf(text, "nominald_verdict_latency_seconds_count", STATION) === scored &&
      valueOf(text, "nominald_stage_duration_seconds_count", { ...STATION, stage: "backbone" }) === scored
    );
  });
  assert.equal(valueOf(await scrape(), "nominald_station_ready", STATION), 0, "a paused station gives no verdicts");
  await client.publish("cmd/resume", JSON.stringify({ transaction: "resume" }));
});

test("a capture process that was started anew is counted, and the memory of each process is its own", async () => {
  const [capture] = await daemon.children("capture.child");
  assert.ok(capture !== undefined);
  process.kill(capture, "SIGKILL");
  await until("the restart", async () => {
    return valueOf(await scrape(), "nominald_child_restarts_total", { ...STATION, child: "capture" }) === 1;
  });
  const text = await scrape();
  for (const [process, station, pid] of [
    ["daemon", "", daemon.pid],
    ["inference", "", (await daemon.children("inference.child"))[0]],
  ] as const) {
    const kibibytes = Number(/^VmRSS:\s*(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]);
    const bytes = valueOf(text, "nominald_resident_memory_bytes", { process, station }) ?? 0;
    assert.ok(bytes > kibibytes * 512 && bytes < kibibytes * 2_048, `${process}: ${bytes} and ${kibibytes} KiB`);
  }
});

test("promtool finds nothing to say about the scrape", async (t) => {
  const { missing, output } = promtool(["check", "metrics"], await scrape());
  if (missing) t.skip(NO_PROMTOOL);
  else assert.equal(output, "");
});

test("promtool takes the rules, and each alert fires when it should and not before", (t) => {
  const { missing, output } = promtool(["check", "rules", RULES]);
  if (missing) return t.skip(NO_PROMTOOL);
  assert.match(output, /SUCCESS/);
  promtool(["test", "rules", join(CASES.pathname)]);
});
