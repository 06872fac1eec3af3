import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import type { FaultKind } from "../support/verdict-run.ts";
import { checkVerdicts, codesOf, VerdictRunner } from "../support/verdict-run.ts";

/* The same for 10,000 triggers: npm run soak:verdicts. */

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

async function runVerdicts(triggers: number, faults: Readonly<Partial<Record<FaultKind, number>>>) {
  const runner = new VerdictRunner({ line, broker, triggers, perSecond: 20, faults, random: Math.random });
  try {
    const run = await runner.run();
    checkVerdicts(run);
    return { run, codes: codesOf(run) };
  } finally {
    await runner.dispose();
  }
}

test("300 triggers at 20 a second with the broker and the daemon killed three times each: one outcome for each accepted one", async (t) => {
  const { run, codes } = await runVerdicts(300, { "broker killed": 3, "daemon killed": 3 });
  t.diagnostic(`codes ${JSON.stringify(codes)}, event loop p99 ${run.loopP99Ms} ms, ${run.plc.results.length} results`);
  assert.ok((codes["0000"] ?? 0) > 0);
});

test("children that are killed and stopped under load cost the parts they had, with the right code, and the next are scored", async (t) => {
  const { run, codes } = await runVerdicts(300, { "inference killed": 5, "camera killed": 5, "camera stopped": 5 });
  t.diagnostic(`codes ${JSON.stringify(codes)}, event loop p99 ${run.loopP99Ms} ms`);
  const allowed = ["0000", "0101", "0108", "0202", "0402", "0304", "refused 0601"];
  assert.deepEqual(
    Object.keys(codes).filter((code) => !allowed.includes(code)),
    [],
  );
  assert.ok((codes["0101"] ?? 0) > 0 && (codes["0402"] ?? 0) > 0, JSON.stringify(codes));
  const last = run.plc.results.reduce((newest, result) => (result.seq > newest.seq ? result : newest));
  assert.equal(last.verdict, "FAIL", "the last part was scored");
});
