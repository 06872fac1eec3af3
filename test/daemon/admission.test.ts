import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Admission, type Admitted, type AdmissionPolicy } from "../../src/daemon/admission.ts";
import { budgetOf, type Demand } from "../../src/daemon/station-budget.ts";
import { FrameTimes } from "../../src/daemon/frame-times.ts";
import { KeptLog } from "../support/kept-log.ts";

const demand = (id: string, frameMs: number, taktMs: number | null, deadlineMs = 1_000): Demand => ({
  ...{ id, frameMs, taktMs, deadlineMs },
});

test("a station's wait is the frame before it, its own, and those of the others that are due before", () => {
  // a: blocked by 20 of b, then its own 10; b is due later, so no frame of b goes before it.
  // b: blocked by 10, its own 20, and a's frames that come within its wait and are due by 200: one each 50 ms. A wait of
  // 30 + 10 = 40 holds one of them.
  const both = [demand("a", 10, 50, 60), demand("b", 20, 100, 200)];
  assert.deepEqual(budgetOf(both, "a"), { utilisation: 0.4, responseMs: 30, problems: [] });
  assert.deepEqual(budgetOf(both, "b"), { utilisation: 0.4, responseMs: 40, problems: [] });
  assert.deepEqual(budgetOf([demand("a", 10, 50)], "a"), { utilisation: 0.2, responseMs: 10, problems: [] });
});

test("frames that take more than all the time there is are a problem, with each station's figures", () => {
  const { utilisation, problems } = budgetOf([demand("a", 30, 50), demand("b", 30, 50)], "b");
  assert.equal(utilisation, 1.2);
  assert.match(
    problems[0] ?? "",
    /take 120 % of the time \(a 30\.0 ms a frame each 50 ms, b 30\.0 ms a frame each 50 ms\)/,
  );
});

test("a deadline that another station's frames push away is a problem of whoever misses it", () => {
  const { problems } = budgetOf([demand("tight", 5, 1_000, 20), demand("slow", 40, 1_000)], "slow");
  assert.deepEqual(problems, ["tight waits up to 45 ms and its deadline is 20 ms"]);
});

test("a station of an unknown takt comes before another one as often as its share allows", () => {
  // Blocked by 10, its own 10, and two more of the other.
  assert.equal(budgetOf([demand("a", 10, 100), demand("any", 10, null)], "a").responseMs, 40);
});

test("whatever asks for more makes no budget better", () => {
  const one = fc.record({
    frameMs: fc.double({ min: 0.1, max: 50, noNaN: true }),
    taktMs: fc.option(fc.double({ min: 1, max: 500, noNaN: true }), { nil: null }),
    deadlineMs: fc.integer({ min: 10, max: 2_000 }),
  });
  fc.assert(
    fc.property(fc.array(one, { minLength: 1, maxLength: 6 }), one, (demands, more) => {
      const before = demands.map((each, i) => ({ ...each, id: `s${i}` }));
      const alone = budgetOf(before, "s0");
      const beside = budgetOf([...before, { ...more, id: "more" }], "s0");
      assert.ok(beside.utilisation >= alone.utilisation);
      assert.ok(beside.responseMs >= alone.responseMs - 1e-9);
      assert.ok(alone.responseMs >= (before[0]?.frameMs ?? 0));
    }),
  );
});

/** Stations of one process that ask in turn. */
function rig(first: AdmissionPolicy) {
  let policy = first;
  const log = new KeptLog();
  const admission = new Admission({
    order: () => ["a", "b", "away", "c"],
    policy: () => policy,
    processOf: (id) => (id === "away" ? 1 : 0),
    logger: log,
  });
  const verdicts = new Map<string, Admitted>();
  const ask = (now: Demand): void => {
    admission.judge({ id: now.id, demand: () => now, judged: (admitted) => void verdicts.set(now.id, admitted) });
  };
  return {
    ...{ admission, verdicts, log, ask },
    verdict: (id: string) => verdicts.get(id)?.verdict,
    setPolicy: (next: AdmissionPolicy) => {
      policy = next;
      admission.judgeAll();
    },
  };
}

test("a station that does not fit in is refused with figures, and has its place when one leaves", () => {
  const { admission, verdict, verdicts, ask, log } = rig("refuse");
  ask(demand("a", 30, 50));
  ask(demand("b", 30, 50));
  ask(demand("away", 30, 50));
  assert.deepEqual(
    ["a", "b", "away"].map((id) => verdict(id)),
    ["admitted", "refused", "admitted"],
  );
  assert.match(verdicts.get("b")?.problems.join() ?? "", /120 %/);
  assert.ok(log.lines.some(({ msg }) => /station is refused: .*120 %/.test(msg)));
  // One that was refused takes nothing.
  ask(demand("c", 15, 50));
  assert.equal(verdict("c"), "admitted");
  admission.leave("a");
  assert.equal(verdict("b"), "admitted");
});

test("who stands first in the configuration has its place, whoever is ready first", () => {
  const { verdict, ask } = rig("refuse");
  ask(demand("b", 30, 50));
  assert.equal(verdict("b"), "admitted");
  ask(demand("a", 30, 50));
  assert.deepEqual(
    ["a", "b"].map((id) => verdict(id)),
    ["admitted", "refused"],
  );
});

test("a refused station that asks for less is admitted; with the other policy it works and is overbooked", () => {
  const { verdict, ask, setPolicy } = rig("refuse");
  ask(demand("a", 30, 50));
  ask(demand("b", 30, 50));
  setPolicy("warn");
  assert.equal(verdict("b"), "overbooked");
  setPolicy("refuse");
  assert.equal(verdict("b"), "refused");
  ask(demand("b", 30, 100));
  assert.equal(verdict("b"), "admitted");
});

test("a station that works is not refused because frames take longer than before: it is overbooked", () => {
  const { admission, verdict, ask } = rig("refuse");
  let frameMs = 20;
  admission.judge({ id: "a", demand: () => demand("a", frameMs, 50), judged: () => undefined });
  ask(demand("b", 20, 50));
  ask(demand("c", 20, 50));
  assert.deepEqual(
    ["b", "c"].map((id) => verdict(id)),
    ["admitted", "refused"],
  );
  frameMs = 40;
  admission.measured();
  assert.deepEqual(
    ["b", "c"].map((id) => verdict(id)),
    ["overbooked", "refused"],
  );
  frameMs = 5;
  admission.measured();
  assert.deepEqual(
    ["b", "c"].map((id) => verdict(id)),
    ["admitted", "admitted"],
  );
});

test("the time of a frame is the median of the last ones, once they are enough", () => {
  const times = new FrameTimes();
  for (let i = 0; i < 19; i++) assert.equal(times.add(1), false);
  assert.equal(times.medianMs, null);
  assert.equal(times.add(1), true);
  assert.equal(times.medianMs, 1);
  for (let i = 0; i < 200; i++) times.add(3);
  assert.equal(times.medianMs, 3);
  times.clear();
  assert.equal(times.medianMs, null);
});
