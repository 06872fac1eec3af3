import assert from "node:assert/strict";
import { test } from "node:test";
import { JobLoop } from "../../src/inference/job-loop.ts";

/** Runs jobs that note their names, and waits until `count` of them have run or were dropped. */
function record(count: number) {
  const ran: string[] = [];
  let done: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    done = resolve;
  });
  const note = (name: string): void => {
    ran.push(name);
    if (ran.length === count) done();
  };
  return {
    ran,
    finished,
    urgent: (name: string) => async () => note(name),
    pictures: (name: string) => ({ draw: async () => note(name), drop: () => note(`drop ${name}`) }),
  };
}

test("a verdict that comes after pictures is still worked on first", async () => {
  const loop = new JobLoop();
  const { ran, finished, urgent, pictures } = record(3);
  loop.addUrgent(urgent("score 1"));
  loop.addPictures(pictures("pictures 1"));
  loop.addUrgent(urgent("score 2"));
  await finished;
  assert.deepEqual(ran, ["score 1", "score 2", "pictures 1"]);
});

test("a third waiting picture pushes the oldest out, and that is told", async () => {
  const loop = new JobLoop();
  const { ran, finished, pictures } = record(3);
  for (const name of ["a", "b", "c"]) loop.addPictures(pictures(name));
  await finished;
  assert.deepEqual(ran, ["drop a", "b", "c"]);
});

test("jobs never overlap", async () => {
  const loop = new JobLoop();
  let inside = 0;
  let most = 0;
  await new Promise<void>((resolve) => {
    for (let i = 0; i < 5; i += 1) {
      loop.addUrgent(async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((done) => setTimeout(done, 2));
        inside -= 1;
        if (i === 4) resolve();
      });
    }
  });
  assert.equal(most, 1);
});
