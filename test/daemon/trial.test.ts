import assert from "node:assert/strict";
import { test } from "node:test";
import { Trial, type Criterion } from "../../src/daemon/trial.ts";

/** A clock that a test sets, read by the trial at each look. */
function rig(criteria: readonly Partial<Criterion>[], needsConfirmation = false) {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs, wallMs: () => clock.nowMs };
  const complete = criteria.map((one) => ({
    ...{ expected: "it to work", proved: () => false, stands: () => false },
    ...one,
  }));
  const trial = new Trial({ criteria: complete, needsConfirmation, withinS: 10, clock });
  return { clock, trial, signal: new AbortController() };
}

test("a trial ends well as soon as everything has proved itself", async () => {
  const { trial, signal } = rig([{ proved: () => true }, { proved: () => true }]);
  assert.equal(await trial.finished(signal.signal), null);
});

test("a trial that proved nothing ends well only when everything stands at its end", async () => {
  for (const [stands, end] of [
    [true, null],
    [false, "Expected it to work within 10 s but it was not so"],
  ] as const) {
    const { clock, trial, signal } = rig([{ stands: () => stands }]);
    const finished = trial.finished(signal.signal);
    clock.nowMs = 10_000;
    assert.equal(await finished, end);
  }
});

test("a trial that needs a confirmation is not over without one, however well everything works", async () => {
  const { clock, trial, signal } = rig([{ proved: () => true, stands: () => true }], true);
  const finished = trial.finished(signal.signal);
  clock.nowMs = 10_000;
  assert.match((await finished) ?? "", /the document to come over the new connection/);
  const confirmed = rig([{ proved: () => true }], true);
  const end = confirmed.trial.finished(confirmed.signal.signal);
  confirmed.trial.confirm();
  assert.equal(await end, null);
});

test("a daemon that stops ends a trial without a result", async () => {
  const { trial, signal } = rig([{}]);
  const finished = trial.finished(signal.signal);
  signal.abort();
  assert.equal(await finished, undefined);
});
