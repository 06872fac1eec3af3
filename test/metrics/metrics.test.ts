import assert from "node:assert/strict";
import { test } from "node:test";
import { FAMILIES, type Family } from "../../src/metrics/families.ts";
import type { DeviceFigures } from "../../src/metrics/figures.ts";
import { Metrics } from "../../src/metrics/metrics.ts";
import { STAGES } from "../../src/metrics/station-metrics.ts";
import { valueOf, seriesOf } from "../support/exposition.ts";
import { deviceFigures, scoredOutcome, stationFigures } from "./sample-figures.ts";

const A = "line1/a";
const FAMILY_LIST: readonly Family[] = Object.values(FAMILIES);

function metricsOf(figures: () => DeviceFigures, stations = [A]) {
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs, wallMs: () => nowMs };
  const metrics = new Metrics({ figures: () => Promise.resolve(figures()), clock });
  const [observer] = stations.map((id) => metrics.observerOf(id));
  assert.ok(observer !== undefined);
  /** As a scrape some time later. */
  const scrape = (afterMs = 15_000): Promise<string> => {
    nowMs += afterMs;
    return metrics.text();
  };
  return { metrics, observer, scrape };
}

test("names follow Prometheus' conventions: prefix, base units, _total for counters alone, no unit twice", () => {
  for (const { name, kind, help, labels } of FAMILY_LIST) {
    assert.match(name, /^nominald_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), kind === "counter", name);
    assert.doesNotMatch(name, /_(ms|milliseconds|minutes|kilobytes|mb|percent|count|sum|bucket)(_|$)/, name);
    assert.ok(help.length > 0 && !help.includes("\n"), name);
    assert.ok(
      labels.every((label) => /^[a-z]+$/.test(label) && label !== "le"),
      name,
    );
  }
  assert.equal(new Set(FAMILY_LIST.map(({ name }) => name)).size, FAMILY_LIST.length);
});

test("what the daemon counts is exported as it is, with every reason from the start", async () => {
  const { scrape } = metricsOf(() => deviceFigures(stationFigures(A)));
  const text = await scrape();
  const expected: [string, Record<string, string>, number][] = [
    ["nominald_verdicts_total", { station: A, verdict: "PASS", reason: "none" }, 10],
    ["nominald_verdicts_total", { station: A, verdict: "FAIL", reason: "none" }, 3],
    ["nominald_verdicts_total", { station: A, verdict: "NO_VERDICT", reason: "late" }, 2],
    ["nominald_verdicts_total", { station: A, verdict: "NO_VERDICT", reason: "camera-lost" }, 0],
    ["nominald_deadline_misses_total", { station: A }, 2],
    ["nominald_late_scores_total", { station: A }, 1],
    ["nominald_queue_depth", { station: A, queue: "part" }, 1],
    ["nominald_queue_depth", { station: A, queue: "frame" }, 2],
    ["nominald_queue_depth", { station: A, queue: "result" }, 5],
    ["nominald_queue_depth", { station: A, queue: "record" }, 6],
    ["nominald_dropped_total", { station: A, item: "frame" }, 7],
    ["nominald_dropped_total", { station: A, item: "slot" }, 0],
    ["nominald_dropped_total", { station: A, item: "record" }, 8],
    ["nominald_dropped_total", { station: A, item: "picture" }, 11],
    ["nominald_publications_refused_total", { station: A }, 9],
    ["nominald_child_restarts_total", { station: A, child: "capture" }, 4],
    ["nominald_child_restarts_total", { station: "", child: "inference" }, 1],
    ["nominald_host_memory_available_bytes", {}, 2e9],
    ["nominald_host_disk_free_bytes", {}, 5e9],
    ["nominald_host_temperature_celsius", {}, 61.5],
    ["nominald_unclean_ends_total", {}, 3],
    ["nominald_broker_connected", { station: A }, 1],
    ["nominald_broker_connected", { station: "_device" }, 1],
    ["nominald_station_fault", { station: A, fault: "fail-streak", code: "0702" }, 1],
    ["nominald_station_fault", { station: A, fault: "camera-lost", code: "0101" }, 0],
    ["nominald_station_state", { station: A, state: "continuous" }, 1],
    ["nominald_station_state", { station: A, state: "error" }, 0],
    ["nominald_triggers_refused_total", { station: A, reason: "session-over" }, 1],
    ["nominald_messages_ignored_total", { station: A, why: "ack-unknown" }, 1],
    ["nominald_bank_rows", { station: A }, 2_500],
    ["nominald_bank_threshold", { station: A }, 2.5],
    ["nominald_store_write_seconds_total", {}, 1.5],
    ["nominald_store_waiting_changes", {}, 3],
    ["nominald_event_loop_delay_seconds", { percentile: "99" }, 0.002],
    ["nominald_cpu_seconds_total", {}, 12.5],
    ["nominald_resident_memory_bytes", { process: "inference", station: "" }, 400_000_000],
  ];
  for (const [name, labels, value] of expected) {
    assert.equal(valueOf(text, name, labels), value, `${name} ${JSON.stringify(labels)}`);
  }
  // Counts are set and not added: the next scrape says the same.
  const again = await scrape();
  assert.equal(valueOf(again, "nominald_verdicts_total", { station: A, verdict: "PASS", reason: "none" }), 10);
});

test("a part goes into the histograms in seconds: 50 ms to the verdict, 10 ms to its frame, ratio 0.8", async () => {
  const { observer, scrape } = metricsOf(() => deviceFigures(stationFigures(A)));
  const stages = { read: 1, resize: 5, backbone: 6, search: 5.5, score: 0.5, map: 1, encode: 7 };
  observer.part({ outcome: scoredOutcome(), stages, publishedAtWallMs: 5_052 });
  const text = await scrape();
  const latency = "nominald_verdict_latency_seconds";
  assert.equal(valueOf(text, `${latency}_sum`, { station: A }), 0.05);
  // In the bucket up to 0.05 (bounds belong to their bucket) and in none below.
  assert.equal(valueOf(text, `${latency}_bucket`, { station: A, le: "0.05" }), 1);
  assert.equal(valueOf(text, `${latency}_bucket`, { station: A, le: "0.03" }), 0);
  const sums = { ...stages, frame: 10, publish: 2 };
  for (const stage of STAGES) {
    const sum = valueOf(text, "nominald_stage_duration_seconds_sum", { station: A, stage });
    assert.ok(Math.abs((sum ?? NaN) - sums[stage] / 1_000) < 1e-12, `${stage}: ${sum}`);
  }
  assert.equal(valueOf(text, "nominald_score_threshold_ratio_bucket", { station: A, le: "0.7" }), 0);
  assert.equal(valueOf(text, "nominald_score_threshold_ratio_bucket", { station: A, le: "0.8" }), 1);
});

test("a known bad part, one without a score, and a wall clock that was set back distort no histogram", async () => {
  const { observer, scrape } = metricsOf(() => deviceFigures(stationFigures(A)));
  observer.part({ outcome: scoredOutcome({ challenge: true }), stages: {}, publishedAtWallMs: 1 });
  const lost = scoredOutcome({ verdict: "NO_VERDICT", reason: "late", score: null, threshold: null });
  observer.part({ outcome: lost, stages: {}, publishedAtWallMs: null });
  const text = await scrape();
  assert.equal(valueOf(text, "nominald_score_threshold_ratio_count", { station: A }), 0);
  assert.equal(valueOf(text, "nominald_verdict_latency_seconds_count", { station: A }), 1);
  assert.equal(valueOf(text, "nominald_stage_duration_seconds_sum", { station: A, stage: "publish" }), 0);
});

test("the number of series is that of the start, whatever passes: parts, other banks, faults", async () => {
  let figures = deviceFigures(stationFigures(A));
  const { observer, scrape } = metricsOf(() => figures);
  const before = seriesOf(await scrape());
  for (let i = 0; i < 2_000; i++) {
    const outcome = scoredOutcome({ part: `part-${i}`, recipe: `r${i}`, bankId: `b${i}`, session: `s${i % 7}` });
    observer.part({ outcome, stages: { read: i }, publishedAtWallMs: 5_050 + i });
    observer.frame();
  }
  for (let i = 0; i < 5; i++) {
    const { bank } = stationFigures(A).state;
    assert.ok(bank !== null);
    figures = deviceFigures(stationFigures(A, { bank: { ...bank, id: `other-${i}` }, faults: [] }));
    const after = seriesOf(await scrape());
    assert.equal(after.length, before.length);
    const banks = after.filter((series) => series.startsWith("nominald_bank_info"));
    assert.deepEqual(banks.length, 1);
    assert.match(banks[0] ?? "", new RegExp(`other-${i}`));
  }
});

test("the series of a station that is no longer there end with it, and so does the info of a bank", async () => {
  let figures = deviceFigures(stationFigures(A), stationFigures("line1/b"));
  const one = metricsOf(() => figures, [A]);
  assert.ok(seriesOf(await one.scrape()).some((series) => series.includes("line1/b")));
  figures = deviceFigures(stationFigures(A, { bank: null }));
  const left = seriesOf(await one.scrape());
  assert.deepEqual(
    left.filter((series) => series.includes("line1/b") || /nominald_bank_/.test(series)),
    [],
  );
});

test("a text is made once a second at most, however often it is asked for", async () => {
  let made = 0;
  const { scrape } = metricsOf(() => {
    made++;
    return deviceFigures(stationFigures(A));
  });
  await Promise.all([scrape(5_000), scrape(0), scrape(10), scrape(989)]);
  assert.equal(made, 1);
  await scrape(1);
  assert.equal(made, 2);
});

test("a station that has ended leaves no series; one that begins has them all", async () => {
  const [first, second] = [stationFigures(A), stationFigures("line1/b")];
  let figures = deviceFigures(first, second);
  const { metrics, scrape } = metricsOf(() => figures, [A, "line1/b"]);
  const both = seriesOf(await scrape());
  figures = deviceFigures(first);
  metrics.forget("line1/b");
  const one = seriesOf(await scrape());
  assert.ok(both.some((series) => series.includes("line1/b")));
  assert.deepEqual(
    one.filter((series) => series.includes("line1/b")),
    [],
  );
  figures = deviceFigures(first, second);
  metrics.observerOf("line1/b");
  assert.deepEqual(seriesOf(await scrape()), both);
});
