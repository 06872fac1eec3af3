import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { readLabelFile } from "../../src/evaluation/label-file.ts";
import { listTrainImages, readMvtecFolder } from "../../src/evaluation/mvtec-folder.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "nominald-labels-"));
});
after(() => rm(root, { recursive: true, force: true }));

async function touch(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), "");
  }
}

test("MVTec's layout gives kinds and names in order, each defect with its mask, in either way of naming", async () => {
  await touch("a/train/good/2.png", "a/train/good/1.png", "a/test/good/001.png", "a/test/good/.hidden.png");
  await touch("a/test/scratch/000.jpg", "a/test/scratch/001.jpg", "a/ground_truth/scratch/000_mask.png");
  await touch("a/test/dent/7.png", "a/ground_truth/dent/7.png", "a/test/readme.txt");
  const { name, images } = await readMvtecFolder(join(root, "a"));
  assert.equal(name, "a");
  const at = (path: string): string => join(root, "a", path);
  assert.deepEqual(images, [
    { file: at("test/dent/7.png"), defect: "dent", mask: at("ground_truth/dent/7.png") },
    { file: at("test/good/001.png"), defect: null, mask: null },
    { file: at("test/scratch/000.jpg"), defect: "scratch", mask: at("ground_truth/scratch/000_mask.png") },
    { file: at("test/scratch/001.jpg"), defect: "scratch", mask: null },
  ]);
  assert.deepEqual(await listTrainImages(join(root, "a")), [at("train/good/1.png"), at("train/good/2.png")]);
});

test("a folder in another layout, and masks that belong to no image, are refused by name", async () => {
  await assert.rejects(readMvtecFolder(join(root, "nowhere")), /MVTec's layout .* in .*nowhere but there is no test/);
  await touch("b/test/good/1.png", "b/test/dent/1.png", "b/ground_truth/dent/01_mask.png");
  await assert.rejects(readMvtecFolder(join(root, "b")), {
    code: "stray-mask",
    message: /1 of 1 do not, the first 01_mask\.png/,
  });
  await mkdir(join(root, "c/test"), { recursive: true });
  await assert.rejects(readMvtecFolder(join(root, "c")), { code: "mvtec-layout", message: /test holds no folders/ });
});

test("a list of labels takes quoted paths, a byte-order mark, blank lines and labels in numbers", async () => {
  const file = join(root, "labels.csv");
  const lines = [
    "label,path,mask",
    "good,one.png,",
    "",
    '0,"two, three.png",',
    "1,/abs/four.png,",
    "dent,5.png,5m.png",
  ];
  await writeFile(file, `\ufeff${lines.join("\r\n")}\r\n`);
  assert.deepEqual(await readLabelFile(file), {
    name: "labels",
    images: [
      { file: join(root, "one.png"), defect: null, mask: null },
      { file: join(root, "two, three.png"), defect: null, mask: null },
      { file: "/abs/four.png", defect: "anomalous", mask: null },
      { file: join(root, "5.png"), defect: "dent", mask: join(root, "5m.png") },
    ],
  });
});

test("what is wrong in a list of labels is told with its line", async () => {
  const file = join(root, "wrong.csv");
  for (const [text, message] of [
    ["file,label\na.png,good\n", /the header file,label/],
    ["path,label\na.png,good\nb.png\n", /line 3/],
    ["path,label\na.png,good\n,good\n", /line 3 without a path or label/],
    ["path,label,mask\na.png,good,m.png\n", /line 2 with a mask of a nominal image/],
    ["path,label\n", /no line below the header/],
    ['path,label\n"a.png,good\n', /Quote/],
  ] as const) {
    await writeFile(file, text);
    await assert.rejects(readLabelFile(file), { code: "label-file", message }, text);
  }
  await assert.rejects(readLabelFile(join(root, "none.csv")), { code: "label-file", message: /ENOENT/ });
});
