import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import type { VerdictRun, VerdictRunOptions } from "../support/verdict-run.ts";
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

async function runVerdicts(
  options: Pick<VerdictRunOptions, "triggers" | "waitsForReady" | "faults">,
): Promise<{ readonly run: VerdictRun; readonly codes: Readonly<Record<string, number>>; readonly told: string }> {
  const runner = new VerdictRunner({ ...options, line, broker, perSecond: 20, random: Math.random });
  try {
    const run = await runner.run();
    checkVerdicts(run);
    const codes = codesOf(run);
    return { run, codes, told: `codes ${JSON.stringify(codes)}, event loop p99 ${run.loopP99Ms} ms` };
  } finally {
    await runner.dispose();
  }
}

/** The part after the last fault has a verdict, and no part a code that means something else. */
function assertCodes(run: VerdictRun, codes: Readonly<Record<string, number>>, allowed: readonly string[]): void {
  assert.deepEqual(
    Object.keys(codes).filter((code) => !["0000", ...allowed].includes(code)),
    [],
    JSON.stringify(codes),
  );
  const last = run.plc.results.reduce((newest, result) => (result.seq > newest.seq ? result : newest));
  assert.equal(last.verdict, "FAIL", "the last part was scored");
}

test("300 triggers at 20 a second with the broker and the daemon killed three times each: one outcome for each accepted one", async (t) => {
  const faults = { "broker killed": 3, "daemon killed": 3 };
  const { run, codes, told } = await runVerdicts({ triggers: 300, waitsForReady: true, faults });
  t.diagnostic(told);
  // 0108, 0202: a loaded machine may miss a frame or be too slow. 0304: triggered a moment before the daemon was killed.
  assertCodes(run, codes, ["0502", "0304", "0101", "0108", "0202", "refused 0601"]);
});

test("children that are killed five times each under load cost the parts they had: 0402 and 0101; the next are scored", async (t) => {
  const faults = { "inference killed": 5, "camera killed": 5 };
  const { run, codes, told } = await runVerdicts({ triggers: 100, waitsForReady: false, faults });
  t.diagnostic(told);
  assertCodes(run, codes, ["0101", "0402", "0108", "0202"]);
  assert.ok((codes["0101"] ?? 0) >= 5 && (codes["0402"] ?? 0) >= 5, told);
});

test("a camera that hangs five times is replaced each time: its parts are 0101 once that is known, and the next are scored", async (t) => {
  const faults = { "camera stopped": 5 };
  const { run, codes, told } = await runVerdicts({ triggers: 100, waitsForReady: false, faults });
  t.diagnostic(told);
  assertCodes(run, codes, ["0101", "0108", "0202"]);
  assert.ok((codes["0101"] ?? 0) >= 5, told);
});
