import assert from "node:assert/strict";
import { test } from "node:test";
import { JobLoop, SCORES_BEFORE_A_STEP, type ScoreJob, type ShadowJob } from "../../src/inference/job-loop.ts";

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
    job: (name: string) => async () => note(name),
    score: (station: string, deadlineAtMs: number | null = null): ScoreJob => ({
      ...{ station, deadlineAtMs, run: async () => note(`score ${station}`), refuse: () => note(`refuse ${station}`) },
    }),
    shadow: (name: string, expectedMs = 0, station = "a"): ShadowJob => ({
      ...{ station, expectedMs, run: async () => note(name), drop: () => note(`drop ${name}`) },
    }),
    pictures: (name: string, station = "a") => ({
      station,
      draw: async () => note(name),
      drop: () => note(`drop ${name}`),
    }),
  };
}

test("a verdict that comes after pictures is still worked on first", async () => {
  const loop = new JobLoop();
  const { ran, finished, score, pictures } = record(3);
  loop.addScore(score("a"));
  loop.addPictures(pictures("pictures 1"));
  loop.addScore(score("b"));
  await finished;
  assert.deepEqual(ran, ["score a", "score b", "pictures 1"]);
});

test("of frames of several stations the earliest deadline goes first; what takes no time goes before them", async () => {
  const loop = new JobLoop();
  const { ran, finished, score, job } = record(4);
  const far = Number.MAX_SAFE_INTEGER;
  loop.addScore(score("a"));
  loop.addScore(score("b", far));
  loop.addScore(score("c", far - 1));
  void loop.urgent(job("adjust"));
  await finished;
  assert.deepEqual(ran, ["adjust", "score c", "score b", "score a"]);
});

test("a frame beyond its station's credits pushes the oldest out, and that is told", async () => {
  const loop = new JobLoop();
  const { ran, finished, score } = record(4);
  for (const station of ["a", "a", "a", "b"]) loop.addScore(score(station));
  await finished;
  assert.deepEqual(ran, ["refuse a", "score a", "score a", "score b"]);
});

test("a step of a load waits for frames, but not for more than a few", async () => {
  const loop = new JobLoop();
  const { ran, finished, score, job } = record(SCORES_BEFORE_A_STEP + 4);
  void loop.step(job("step 1"));
  void loop.step(job("step 2"));
  for (let i = 0; i < SCORES_BEFORE_A_STEP + 2; i++) loop.addScore(score(`s${i}`));
  await finished;
  assert.equal(ran.indexOf("step 1"), SCORES_BEFORE_A_STEP);
  assert.equal(ran.at(-1), "step 2");
});

test("what a job returns or throws comes back to who asked for it, and the loop goes on", async () => {
  const loop = new JobLoop();
  await assert.rejects(
    loop.step(async () => {
      throw new Error("no");
    }),
    /no/,
  );
  assert.equal(await loop.urgent(async () => 7), 7);
});

test("a third waiting picture of a station pushes its oldest out, and that is told", async () => {
  const loop = new JobLoop();
  const { ran, finished, pictures } = record(4);
  loop.addPictures(pictures("other", "b"));
  for (const name of ["1", "2", "3"]) loop.addPictures(pictures(name));
  await finished;
  assert.deepEqual(ran, ["drop 1", "other", "2", "3"]);
});

test("a candidate's frame comes after verdicts, steps and pictures, and a second one of its station is dropped", async () => {
  const loop = new JobLoop();
  const { ran, finished, score, job, shadow, pictures } = record(7);
  for (const name of ["shadow 1", "shadow 2"]) loop.addShadow(shadow(name));
  loop.addShadow(shadow("shadow of b", 0, "b"));
  loop.addPictures(pictures("pictures"));
  void loop.step(job("step"));
  loop.addScore(score("a"));
  loop.addScore(score("b"));
  await finished;
  const order = ["drop shadow 2", "score a", "score b", "step", "pictures", "shadow 1", "shadow of b"];
  assert.deepEqual(ran, order);
});

test("a candidate's frame that would not be through before the next frame is due is dropped", async () => {
  const loop = new JobLoop();
  const { ran, finished, score, shadow } = record(5);
  // Three at once: the next one is due at once.
  for (const station of ["a", "a", "a"]) loop.addScore(score(station));
  loop.addShadow(shadow("too long", 60_000));
  loop.addShadow(shadow("of a station that nothing is known of", 0, "b"));
  await finished;
  assert.deepEqual(ran.slice(3), ["drop too long", "of a station that nothing is known of"]);
});

test("jobs never overlap", async () => {
  const loop = new JobLoop();
  let inside = 0;
  let most = 0;
  await new Promise<void>((resolve) => {
    for (let i = 0; i < 5; i += 1) {
      void loop.step(async () => {
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
