import assert from "node:assert/strict";
import { test } from "node:test";
import { demoPage } from "../../../src/cli/demo/demo-page.ts";
import { latencyOf, summarise, summaryText, tableRow, TABLE_HEAD } from "../../../src/cli/demo/demo-summary.ts";
import type { PlannedPart } from "../../../src/cli/demo/demo-plan.ts";
import type { ReceivedPart } from "../../../src/cli/demo/line-subscriber.ts";
import type { InspectionRecord } from "../../../src/mqtt/record.ts";

type Verdict = ReceivedPart["result"]["verdict"];

/** A part as it came over MQTT, with a threshold of 2, captured at 10,000 ms. */
function received(seq: number, verdict: Verdict, score: number | null, latencyMs = 50): ReceivedPart {
  const record: InspectionRecord = {
    site: "s",
    line: "l",
    station: "n",
    version: 1,
    boot: "0000000b",
    session: "b",
    seq,
    part: "",
    recipe: "",
    challenge: false,
    verdict,
    code: score === null ? "0203" : "0000",
    reason: null,
    score,
    threshold: score === null ? null : 2,
    plcScore: 0,
    bank: null,
    captureSeq: seq,
    times: { trigger: null, capture: 10_000, scoreStart: null, scoreEnd: null, decision: 10_040, publish: null },
    clockSync: "unknown",
    stages: null,
    images: { mask: null, overlay: { sha256: "", contentType: "image/jpeg", bytes: 3 } },
    lateScore: null,
    flags: 0,
  };
  return {
    result: {
      boot: "0000000b",
      session: "b",
      seq,
      part: "",
      verdict,
      code: record.code,
      score: score === null ? 0 : Math.round(score * 500),
      epochMs: 10_040,
      flags: 0,
    },
    receivedAtMs: 10_000 + latencyMs,
    record,
    overlay: Uint8Array.of(1, 2, 3),
    mask: Uint8Array.of(4, 5, 6),
  };
}

const nominal: PlannedPart = { truth: "nominal", anomalous: false };
const dent: PlannedPart = { truth: "dent", anomalous: true };
const PLAN = [nominal, nominal, dent, dent, dent];

function parts(): Map<number, ReceivedPart> {
  return new Map([
    [1, received(1, "PASS", 1, 10)],
    [2, received(2, "FAIL", 2.5, 20)],
    [3, received(3, "FAIL", 4, 30)],
    [4, received(4, "PASS", 1.5, 40)],
    [5, received(5, "NO_VERDICT", null, 50)],
  ]);
}

test("the summary counts verdicts by truth and ranks scores", () => {
  const summary = summarise(PLAN, parts());
  assert.equal(summary.nominalPassed, 1);
  assert.equal(summary.nominalFailed, 1);
  assert.equal(summary.anomalousFailed, 1);
  assert.equal(summary.anomalousPassed, 1);
  assert.equal(summary.withoutVerdict, 1);
  // Anomalous 4 and 1.5 against nominal 1 and 2.5: of the four pairs 4>1, 4>2.5 and 1.5>1 are right.
  assert.equal(summary.imageAuroc, 0.75);
  assert.equal(summary.latencyMedianMs, 30);
});

test("a part that never came is one without a verdict, and one class alone has no AUROC", () => {
  const summary = summarise([nominal, dent], new Map([[1, received(1, "PASS", 1)]]));
  assert.equal(summary.withoutVerdict, 1);
  assert.equal(summary.imageAuroc, null);
  assert.match(summaryText(summary).join("\n"), /needs parts of both classes/);
});

test("before its record a part has no latency", () => {
  const { result, receivedAtMs } = received(1, "PASS", 1);
  assert.equal(latencyOf({ result, receivedAtMs }), null);
});

test("rows of the live table stand under its head, and are coloured only when asked", () => {
  const escape = String.fromCharCode(27);
  const plain = tableRow(received(2, "FAIL", 2.5, 20), dent, false);
  assert.equal(plain.includes(escape), false);
  assert.equal(plain.indexOf("dent"), TABLE_HEAD.indexOf("truth"));
  assert.equal(plain.indexOf("FAIL"), TABLE_HEAD.indexOf("verdict"));
  assert.match(plain, /2\.500 \/ 2\.000 +20 ms/);
  assert.ok(tableRow(received(2, "FAIL", 2.5), dent, true).includes(escape));
});

test("a row says when the verdict differs from the truth, a missing verdict included", () => {
  const differs = /differs from the truth/;
  assert.match(tableRow(received(1, "FAIL", 3), nominal, false), differs);
  assert.match(tableRow(received(1, "PASS", 1), dent, false), differs);
  assert.match(tableRow(received(1, "NO_VERDICT", null), nominal, false), differs);
  assert.doesNotMatch(tableRow(received(1, "PASS", 1), nominal, false), differs);
});

test("the page shows the last 24 overlays with truth and verdict, and loads nothing from outside", () => {
  const plan = Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? nominal : dent));
  const all = new Map(
    plan.map(({ anomalous }, i) => [i + 1, received(i + 1, anomalous ? "FAIL" : "PASS", anomalous ? 3 : 1)]),
  );
  const page = demoPage(plan, all, summarise(plan, all));
  assert.equal(page.match(/<img class="overlay"/g)?.length, 24);
  assert.ok(!page.includes("Part 6<") && page.includes("Part 7<") && page.includes("Part 30<"));
  // Base64 of the bytes 1, 2, 3 and 4, 5, 6.
  assert.ok(page.includes("data:image/jpeg;base64,AQID") && page.includes("data:image/png;base64,BAUG"));
  assert.doesNotMatch(page, /(?:src|href)="(?!data:)/);
  assert.doesNotMatch(page, /url\(|@import|<script/);
  assert.equal(page.match(/<img(?![^>]* alt="[^"]+")/g), null);
});

test("names from a user's folder cannot become markup", () => {
  const plan = [{ truth: '<b onclick="x">', anomalous: true }];
  const page = demoPage(plan, new Map([[1, received(1, "FAIL", 3)]]), summarise(plan, new Map()));
  assert.doesNotMatch(page, /<b onclick/);
});

test("a wrong verdict is marked, in words too", () => {
  const page = demoPage([dent], new Map([[1, received(1, "PASS", 1)]]), summarise([dent], new Map()));
  assert.match(page, /<li class="wrong">/);
  assert.match(page, /so this verdict is wrong/);
});
