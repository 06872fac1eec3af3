import assert from "node:assert/strict";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { createSlotFolder, removeStaleSlots } from "../../src/capture/slot-folder.ts";
import { DeviceError } from "../../src/shared/errors.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";
import { temporaryFolder } from "./pictures.ts";

const unusable = (message: RegExp): object => ({ name: DeviceError.name, code: "shared-memory-unusable", message });

test("slot folders are private, and of their own for each process of a station", async (t) => {
  const shared = await temporaryFolder(t);
  const [first, second] = [await createSlotFolder(shared, "st1"), await createSlotFolder(shared, "st1")];
  assert.match(basename(first), new RegExp(`^nominald-${process.pid}-st1-1-\\d+-\\d+$`));
  assert.match(basename(second), new RegExp(`^nominald-${process.pid}-st1-2-\\d+-\\d+$`));
  assert.equal((await stat(first)).mode & 0o777, 0o700);
});

test("what daemons left that are gone is removed, what lives and what is not ours stays", async (t) => {
  const shared = await temporaryFolder(t);
  const live = basename(await createSlotFolder(shared, "st1"));
  // No process has the id 0; this process's own id with another start time is an earlier process of that id.
  const [, namespace = ""] = /-(\d+)$/.exec(live) ?? [];
  const stale = [`nominald-0-st1-1-5-${namespace}`, `nominald-${process.pid}-st-1_a-3-1-${namespace}`];
  // The third is of a container that shares the folder: its process 0 may live.
  const foreign = ["nominald-notes", "sem.other", `nominald-0-st1-1-5-${Number(namespace) + 1}`];
  for (const name of [...stale, ...foreign]) await mkdir(join(shared, name));
  await writeFile(join(shared, stale[0]!, "0.raw"), "x");
  assert.deepEqual(await removeStaleSlots(shared), { removed: 2, kept: 2, failed: 0 });
  assert.deepEqual((await readdir(shared)).sort(), [live, ...foreign].sort());
});

test("a shared-memory folder that is missing is told with its path", async (t) => {
  const missing = join(await temporaryFolder(t), "missing");
  await assert.rejects(removeStaleSlots(missing), unusable(/missing but: ENOENT/));
  await assert.rejects(createSlotFolder(missing, "st1"), unusable(/missing but: ENOENT/));
});

test("a shared-memory folder that cannot be written is told with its path", async (t) => {
  const folder = await smallTmpfs(t, "ro");
  if (folder === null) return;
  await assert.rejects(removeStaleSlots(folder), unusable(/EROFS/));
  await assert.rejects(createSlotFolder(folder, "st1"), unusable(/EROFS/));
});
