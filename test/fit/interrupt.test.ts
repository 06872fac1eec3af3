import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readBank } from "../../src/bank/bundle-read.ts";
import { nominald, NominaldProcess } from "../support/daemon-process.ts";
import { until } from "../support/until.ts";
import { writeNominal } from "./nominal-images.ts";

const IMAGES = 40;

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-interrupt-"));
  await writeNominal(join(folder, "good"), IMAGES, 64);
  await mkdir(join(folder, "out"));
});
after(() => rm(folder, { recursive: true }));

function fitArguments(name: string): string[] {
  const out = join(folder, "out", `${name}.bank`);
  return [
    "fit",
    "--images",
    join(folder, "good"),
    "--out",
    out,
    "--name",
    "b",
    "--size",
    "160",
    "--rows",
    "50",
    "--index",
    "exact",
  ];
}

/** Images that the index of the embeddings beside a bank names. */
async function embedded(name: string): Promise<number> {
  const store = join(folder, "out", `${name}.bank.embeddings`);
  const index = (await readdir(store).catch(() => [])).find((file) => file.endsWith(".jsonl"));
  if (index === undefined) return 0;
  return (await readFile(join(store, index), "utf8")).split("\n").filter((line) => line.endsWith("}")).length;
}

test("Ctrl-C keeps the embeddings, and the same command goes on from them to the same bank", async () => {
  const stopped = new NominaldProcess(fitArguments("stopped"));
  await until("some images are embedded", async () => (await embedded("stopped")) >= 5, 120_000);
  process.kill(stopped.pid, "SIGINT");
  const { code, stderr } = await stopped.finished;
  assert.equal(code, 130, stderr);
  assert.match(
    stderr,
    /stopped; no bank was written\. The embeddings so far are kept in .*stopped\.bank\.embeddings: the next fit goes on/,
  );
  assert.ok(!existsSync(join(folder, "out", "stopped.bank")));
  const kept = await embedded("stopped");
  assert.ok(kept >= 5 && kept < IMAGES, `${kept} of ${IMAGES} images embedded`);

  const again = await nominald(fitArguments("stopped"));
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, new RegExp(`${kept} of ${IMAGES} images embedded before`));
  assert.match(again.stderr, new RegExp(`on the disk in .*, ${kept} images embedded before`));
  const whole = await nominald(fitArguments("whole"));
  assert.equal(whole.code, 0, whole.stderr);
  const [one, other] = [
    await readBank(join(folder, "out", "stopped.bank")),
    await readBank(join(folder, "out", "whole.bank")),
  ];
  assert.deepEqual(one.manifest.files, other.manifest.files);
  assert.deepEqual(one.manifest.calibration, other.manifest.calibration);
  // Banks and reports; embeddings are kept no longer than they are needed.
  const left = await readdir(join(folder, "out"));
  assert.deepEqual(left.sort(), ["stopped.bank", "stopped.bank.report.html", "whole.bank", "whole.bank.report.html"]);
});
