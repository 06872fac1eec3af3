import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { planFromMvtec, planRendered } from "../../../src/cli/demo/demo-plan.ts";
import type { DemoFolders } from "../../../src/cli/demo/demo-plan.ts";

async function inFolder(work: (folder: string, folders: DemoFolders) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-plan-"));
  try {
    await work(folder, { nominal: join(folder, "out", "nominal"), parts: join(folder, "out", "parts") });
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function picture(path: string, width = 32, height = 24, grey = 128): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await sharp({ create: { width, height, channels: 3, background: { r: grey, g: grey, b: grey } } }).toFile(path);
}

/** Red level of the picture's first pixel. */
async function levelOf(path: string): Promise<number> {
  const { data } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  return data[0] ?? -1;
}

test("of ten rendered parts four have a defect, and the files are numbered in the plan's order", async () => {
  await inFolder(async (_, folders) => {
    const plan = await planRendered(folders, 10, 1);
    assert.equal(plan.length, 10);
    // 40 % of ten, the first four kinds of defect.
    assert.deepEqual(
      plan
        .filter(({ anomalous }) => anomalous)
        .map(({ truth }) => truth)
        .sort(),
      ["dent", "missing-hole", "scratch", "stain"],
    );
    assert.ok(plan.every(({ truth, anomalous }) => (truth === "nominal") !== anomalous));
    assert.deepEqual(
      (await readdir(folders.parts)).sort(),
      Array.from({ length: 10 }, (_unused, i) => `${String(i + 1).padStart(4, "0")}.png`),
    );
    assert.equal((await readdir(folders.nominal)).length, 60);
  });
});

test("a folder in MVTec's layout becomes PNGs of one size and type, whatever its own files are", async () => {
  await inFolder(async (folder, folders) => {
    await picture(join(folder, "train/good/000.jpg"));
    await picture(join(folder, "train/good/001.tif"), 40, 40);
    await picture(join(folder, "test/good/000.png"), 32, 24, 200);
    await picture(join(folder, "test/crack/000.jpg"), 64, 48, 50);
    const plan = await planFromMvtec(folders, folder, 60, 1);
    assert.deepEqual(plan.map(({ truth }) => truth).sort(), ["crack", "nominal"]);
    for (const [i, { truth }] of plan.entries()) {
      const file = join(folders.parts, `000${i + 1}.png`);
      const { width, height, format, channels, depth } = await sharp(file).metadata();
      assert.deepEqual([width, height, format, channels, depth], [32, 24, "png", 3, "uchar"]);
      // The truth belongs to the file: the crack was drawn dark. JPEG may move a level by a step.
      assert.ok(Math.abs((await levelOf(file)) - (truth === "crack" ? 50 : 200)) <= 2);
    }
    assert.equal((await readdir(folders.nominal)).length, 2);
  });
});

test("a plan takes at most as many parts as asked for", async () => {
  await inFolder(async (folder, folders) => {
    await picture(join(folder, "train/good/0.png"));
    for (let i = 0; i < 5; i++) await picture(join(folder, `test/good/${i}.png`));
    await picture(join(folder, "test/crack/0.png"));
    assert.equal((await planFromMvtec(folders, folder, 3, 1)).length, 3);
    assert.equal((await readdir(folders.parts)).length, 3);
  });
});

test("of many nominal images 120 are taken, from the first part of the folder as from the last", async () => {
  await inFolder(async (folder, folders) => {
    for (let i = 0; i < 240; i++)
      await picture(join(folder, `train/good/${String(i).padStart(3, "0")}.png`), 16, 16, i);
    await picture(join(folder, "test/good/0.png"), 16, 16);
    await picture(join(folder, "test/crack/0.png"), 16, 16);
    await planFromMvtec(folders, folder, 2, 1);
    const names = (await readdir(folders.nominal)).sort();
    assert.equal(names.length, 120);
    // Every second of 240: the first is grey level 0, the last 238.
    assert.equal(await levelOf(join(folders.nominal, names[0]!)), 0);
    assert.equal(await levelOf(join(folders.nominal, names[119]!)), 238);
  });
});

test("a folder in another layout is refused with what is missing", async () => {
  await inFolder(async (folder, folders) => {
    const refusal = (message: RegExp): { name: string; code: string; message: RegExp } => ({
      name: "InputError",
      code: "mvtec-layout",
      message,
    });
    await assert.rejects(planFromMvtec(folders, folder, 60, 1), refusal(/no train\/good and no test\/good$/));
    await picture(join(folder, "train/good/0.png"));
    await assert.rejects(planFromMvtec(folders, folder, 60, 1), refusal(/but there is no test\/good$/));
    await picture(join(folder, "test/good/0.png"));
    await assert.rejects(planFromMvtec(folders, folder, 60, 1), refusal(/test holds good parts alone$/));
  });
});
