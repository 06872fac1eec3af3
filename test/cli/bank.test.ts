import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readBank } from "../../src/bank/bundle-read.ts";
import { writeBank } from "../../src/bank/bundle-write.ts";
import { bankCommand } from "../../src/cli/bank.ts";
import { InputError } from "../../src/shared/errors.ts";
import { sampleDraft } from "../bank/sample-bank.ts";

let folder = "";
let path = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-bank-"));
  path = join(folder, "washer.bank");
});
after(() => rm(folder, { recursive: true }));

/** 99 images score 1, 2 … 99, their maps reach half of that. */
async function fresh(): Promise<string> {
  const draft = sampleDraft({ hnsw: true });
  const scores = Array.from({ length: 99 }, (_, i) => i + 1);
  const calibration = { ...draft.manifest.calibration, scores, mapMaxima: scores.map((score) => score / 2) };
  const nominal = { ...draft.manifest.nominal, images: 99, patches: 396 };
  await writeBank(path, { ...draft, manifest: { ...draft.manifest, nominal, calibration } });
  return path;
}

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await bankCommand(args, { out: (line) => out.push(line), err: (line) => err.push(line) });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

test("another false-reject rate changes both thresholds and the id, and leaves the arrays as they were", async () => {
  await fresh();
  const before = await readBank(path);
  const { code, out } = await run("threshold", path, "--frr", "0.05");
  const bank = await readBank(path);
  assert.equal(code, 0);
  // The ceil(100 · 0.95) = 95th smallest.
  assert.deepEqual([bank.manifest.calibration.threshold, bank.manifest.calibration.maskThreshold], [95, 47.5]);
  assert.equal(bank.manifest.calibration.method, "conformal");
  assert.notEqual(bank.bankId, before.bankId);
  assert.ok(out.includes(bank.bankId) && /false-reject rate of 5 % \(conformal, masked\)/.test(out), out);
  assert.deepEqual(bank.manifest.files, before.manifest.files);
  const { calibration: _new, ...rest } = bank.manifest;
  const { calibration: _old, ...restBefore } = before.manifest;
  assert.deepEqual(rest, restBefore);
});

test("a rate beyond the images is extrapolated, and said to be", async () => {
  await fresh();
  const { out } = await run("threshold", path, "--frr", "0.001");
  const { calibration } = (await readBank(path)).manifest;
  assert.equal(calibration.method, "pareto-tail");
  assert.ok(calibration.threshold > 99);
  assert.match(out, /with 99 images a rate below 1 % can only be extrapolated; 999 would show it/);
});

test("going back to the first rate gives the first bank, bit for bit", async () => {
  await fresh();
  await run("threshold", path, "--frr", "0.05");
  const first = await readFile(path);
  await run("threshold", path, "--score", "12");
  assert.notDeepEqual(await readFile(path), first);
  await run("threshold", path, "--frr", "0.05");
  assert.deepEqual(await readFile(path), first);
});

test("a threshold chosen by hand says what it would have rejected; --out leaves the bank alone", async () => {
  await fresh();
  const before = await readFile(path);
  const other = join(folder, "other.bank");
  const { code, out } = await run("threshold", path, "--score", "90.5", "--mask", "44", "--out", other);
  assert.equal(code, 0);
  assert.deepEqual(await readFile(path), before);
  const { calibration } = (await readBank(other)).manifest;
  // Nine of 99 lie above 90.5: at most 10 of 100.
  assert.deepEqual([calibration.method, calibration.falseRejectRate], ["manual", 0.1]);
  assert.deepEqual([calibration.threshold, calibration.maskThreshold], [90.5, 44]);
  assert.match(out, /chosen by hand; on the 99 nominal images it rejects at most 10 %/);
  await run("threshold", path, "--score", "90.5");
  assert.equal((await readBank(path)).manifest.calibration.maskThreshold, 2);
});

test("show tells what the bank is, or prints its manifest", async () => {
  await fresh();
  const { out } = await run("show", path);
  assert.match(out, /^id {9}washer-[0-9a-f]{8}$/m);
  assert.match(out, /rows {7}3 of 396 patches \(99 images, grid 2 × 2\), 2 dimensions/);
  assert.deepEqual(JSON.parse((await run("show", path, "--json")).out), (await readBank(path)).manifest);
});

test("a command line that cannot be meant is refused with the help", async () => {
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [[], /Expected bank show or threshold but got nothing/],
    [["show"], /Expected one BANK but got 0/],
    [["threshold", "a", "b", "--frr", "0.1"], /Expected one BANK but got 2/],
    [["threshold", "a"], /either --frr R or --score X/],
    [["threshold", "a", "--frr", "0.1", "--score", "2"], /either --frr R or --score X/],
    [["threshold", "a", "--frr", "0.1", "--mask", "2"], /--mask Y beside --score X/],
    [["threshold", "a", "--frr", "1"], /between 0 and 1 for --frr but got 1/],
    [["threshold", "a", "--score", "-"], /above 0 for --score but got -/],
    [["threshold", "a", "--score", "3", "--mask", "0"], /above 0 for --mask but got 0/],
    [["threshold", "a", "--rate", "3"], /--rate/],
  ];
  for (const [args, message] of wrong) {
    const { code, err } = await run(...args);
    assert.equal(code, 2, args.join(" "));
    assert.match(err, message);
    assert.match(err, /usage: nominald bank/);
  }
});

test("a bank that is not there is told as such", async () => {
  await assert.rejects(run("threshold", join(folder, "none.bank"), "--frr", "0.1"), InputError);
});

test("golden frames follow the threshold, and a known-bad one never comes to pass", async () => {
  const draft = sampleDraft();
  const { width, height } = draft.manifest.parameters.resize;
  const frames = [
    { name: "good.png", knownBad: false, expect: "PASS", score: 2 },
    { name: "dent.png", knownBad: true, expect: "FAIL", score: 40 },
  ] as const;
  const golden = { width, height, frames };
  await writeBank(path, {
    ...draft,
    manifest: { ...draft.manifest, golden },
    golden: new Uint8Array(frames.length * width * height * 3),
  });
  const expected = async (): Promise<string[] | undefined> =>
    (await readBank(path)).manifest.golden?.frames.map(({ expect }) => expect);
  await run("threshold", path, "--score", "1.5");
  assert.deepEqual(await expected(), ["FAIL", "FAIL"]);
  await run("threshold", path, "--score", "3");
  assert.deepEqual(await expected(), ["PASS", "FAIL"]);
  await assert.rejects(run("threshold", path, "--score", "40"), /known-bad golden frames.*40.*dent\.png/);
  assert.deepEqual(await expected(), ["PASS", "FAIL"]);
});
