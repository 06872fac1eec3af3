import assert from "node:assert/strict";
import { test } from "node:test";
import { DeliveryWork } from "../../src/daemon/delivery-work.ts";
import { InputError } from "../../src/shared/errors.ts";

const GIVEN_UP = new InputError("withdrawn", "Another offer takes its place");

/** Work that ends when a test says so. */
function workOf() {
  const work = new DeliveryWork();
  const failures: unknown[] = [];
  let end: (error?: Error) => void = () => assert.fail("Expected work to have begun");
  let heard: AbortSignal | null = null;
  const begin = (): void => {
    work.begin(
      (signal) =>
        new Promise<void>((resolve, reject) => {
          heard = signal;
          end = (error) => (error === undefined ? resolve() : reject(error));
        }),
      (error) => failures.push([error, work.isUnderWay]),
    );
  };
  return { work, failures, begin, end: (error?: Error) => end(error), signal: () => heard };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("work is under way until it is over, and what it threw is told when nothing is under way any more", async () => {
  const { work, failures, begin, end } = workOf();
  assert.equal(work.isUnderWay, false);
  begin();
  assert.equal(work.isUnderWay, true);
  end();
  await settled();
  assert.deepEqual([work.isUnderWay, failures], [false, []]);
  begin();
  const error = new Error("no room");
  end(error);
  await settled();
  assert.deepEqual(failures, [[error, false]]);
});

test("work that is given up hears why, is waited for, and fails nobody", async () => {
  const { work, failures, begin, end, signal } = workOf();
  begin();
  let isOver = false;
  const stopped = work.stop(GIVEN_UP).then(() => (isOver = true));
  await settled();
  assert.equal(signal()?.reason, GIVEN_UP);
  assert.deepEqual([isOver, work.isUnderWay], [false, true], "something of it is left");
  end(GIVEN_UP);
  await stopped;
  assert.deepEqual([work.isUnderWay, failures], [false, []]);
  begin();
  assert.equal(signal()?.aborted, false, "the next work has a signal of its own");
  end();
});

test("there is nothing to give up without work", async () => {
  await new DeliveryWork().stop(GIVEN_UP);
});
