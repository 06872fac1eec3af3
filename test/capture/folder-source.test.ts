import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { stageFolder } from "../../src/capture/folder-source.ts";
import type { FolderFrames, FolderRequest } from "../../src/capture/folder-source.ts";
import { InputError } from "../../src/shared/errors.ts";
import { picture, temporaryFolder } from "./pictures.ts";

const run = promisify(execFile);

async function stage(
  t: TestContext,
  files: Readonly<Record<string, Buffer>>,
  more: Partial<FolderRequest> = {},
): Promise<FolderFrames> {
  const root = await temporaryFolder(t);
  const path = join(root, "images");
  await mkdir(path);
  for (const [name, data] of Object.entries(files)) await writeFile(join(path, name), data);
  return stageFolder({ path, stagingFolder: join(root, "staged"), fileTimeoutMs: 10_000, ...more });
}

const refused = (code: string, message: RegExp): object => ({ name: InputError.name, code, message });

test("images are numbered in the order of their names, whatever the names and beside other files", async (t) => {
  const png = await picture("png", 4, 4, [1, 2, 3]);
  const text = Buffer.from("not an image");
  const staged = await stage(t, {
    "b (2).PNG": png,
    "a%d.png": png,
    "10.png": png,
    "notes.txt": text,
    ".hidden.png": text,
  });
  assert.equal(staged.count, 3);
  assert.equal(staged.type, "png");
  const links = ["000000.png", "000001.png", "000002.png"].map((name) => readlink(join(staged.folder, name)));
  // "1" < "a" < "b" by code unit.
  assert.deepEqual(
    (await Promise.all(links)).map((file) => file.split("/").at(-1)),
    ["10.png", "a%d.png", "b (2).PNG"],
  );
});

test("mixed types are refused with their files", async (t) => {
  const [png, jpeg] = [await picture("png", 4, 4, [0, 0, 0]), await picture("jpeg", 4, 4, [0, 0, 0])];
  const mixed = stage(t, { "a.png": png, "b.jpg": jpeg, "c.jpeg": jpeg });
  await assert.rejects(mixed, refused("folder-mixed-types", /1 png \(a\.png\) and 2 jpeg \(b\.jpg, c\.jpeg\)/));
  await assert.rejects(stage(t, { "a.png": png, "b.bmp": jpeg }), refused("folder-mixed-types", /1 bmp \(b\.bmp\)/));
});

test("an image under the name of another type is refused by name", async (t) => {
  const jpeg = await picture("jpeg", 4, 4, [0, 0, 0]);
  await assert.rejects(stage(t, { "a.png": jpeg }), refused("folder-mixed-types", /a\.png but it holds jpeg/));
});

test("images of a type without a decoder are refused", async (t) => {
  await assert.rejects(stage(t, { "a.bmp": Buffer.from("BM") }), refused("image-unsupported", /1 bmp \(a\.bmp\)/));
});

test("a broken, an empty and an unreadable file are refused by name", async (t) => {
  const png = await picture("png", 40, 40, [9, 9, 9]);
  await assert.rejects(stage(t, { "a.png": png, "b.png": png.subarray(0, 60) }), refused("image-broken", /b\.png/));
  await assert.rejects(stage(t, { "a.png": Buffer.alloc(0) }), refused("image-broken", /a\.png but it is empty/));
  const root = await temporaryFolder(t);
  await symlink("/nowhere/x.png", join(root, "x.png"));
  const dangling = stageFolder({ path: root, stagingFolder: join(root, "s"), fileTimeoutMs: 10_000 });
  await assert.rejects(dangling, refused("image-broken", /x\.png but: ENOENT/));
});

test("a missing folder, a file in its place and a folder without images are refused", async (t) => {
  const root = await temporaryFolder(t);
  const file = join(root, "file");
  await writeFile(file, "");
  for (const [path, code, message] of [
    [join(root, "missing"), "folder-unreadable", /missing but: ENOENT/],
    [file, "folder-unreadable", /ENOTDIR/],
    [root, "folder-empty", /found none among 1 files/],
  ] as const) {
    const staged = stageFolder({ path, stagingFolder: join(root, "s"), fileTimeoutMs: 10_000 });
    await assert.rejects(staged, refused(code, message));
  }
});

test("a file that is not of the configured size is refused by name", async (t) => {
  const files = { "a.png": await picture("png", 4, 4, [0, 0, 0]), "b.png": await picture("png", 5, 4, [0, 0, 0]) };
  await assert.rejects(stage(t, files, { width: 4 }), refused("folder-wrong-size", /4 × any .*b\.png has 5 × 4/));
  assert.equal((await stage(t, files)).count, 2);
});

test("a file that can be opened but never read ends at its deadline", async (t) => {
  const root = await temporaryFolder(t);
  const pipe = join(root, "a.png");
  await run("mkfifo", [pipe]);
  const staged = stageFolder({ path: root, stagingFolder: join(root, "s"), fileTimeoutMs: 50 });
  await assert.rejects(staged, refused("folder-unreadable", /a\.png to be read within 50 ms/));
  // Lets go of the read that still waits for a writer.
  await writeFile(pipe, "");
});
