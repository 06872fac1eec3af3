import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { EmbeddingStore } from "../../src/fit/embedding-store.ts";
import { processStartTicks } from "../../src/shared/process-identity.ts";
import { DeviceError } from "../../src/shared/errors.ts";

let root = "";
before(async () => {
  root = await mkdtemp(join(tmpdir(), "nominald-store-"));
});
after(() => rm(root, { recursive: true }));

const digest = (letter: string): string => letter.repeat(64);
const image = { picture: digest("e"), width: 640, height: 480 };
const LENGTH = 6;
const openIn = (name: string, key = "key") =>
  EmbeddingStore.open({ folder: join(root, name), key, imageLength: LENGTH });
const rows = (first: number) => Float32Array.from({ length: LENGTH }, (_, i) => first + i / 7);

test("what was put is found after closing and opening again, and single rows can be read", async () => {
  const store = await openIn("again");
  await store.put(digest("a"), image, rows(1));
  await store.put(digest("b"), image, rows(10));
  await store.close(true);
  const again = await openIn("again");
  const found = await again.find(digest("b"));
  assert.equal(found?.slot, 1);
  assert.deepEqual([found.picture, found.width, found.height], [image.picture, 640, 480]);
  const into = new Float32Array(4);
  // Three rows of two dimensions: the last and the first.
  await again.readRows(1, [2, 0], 2, into);
  assert.deepEqual(into, Float32Array.of(10 + 4 / 7, 10 + 5 / 7, 10, 10 + 1 / 7));
  assert.equal(await again.find(digest("c")), null);
  assert.equal((await again.put(digest("c"), image, rows(20))).slot, 2);
  await again.close(false);
});

test("another key is another store in the same folder", async () => {
  const one = await openIn("keys", "one");
  await one.put(digest("a"), image, rows(1));
  await one.close(true);
  const two = await openIn("keys", "two");
  assert.equal(await two.find(digest("a")), null);
  await two.close(true);
});

test("rows that are not as they were written are not found", async () => {
  const store = await openIn("damaged");
  await store.put(digest("a"), image, rows(1));
  await store.put(digest("b"), image, rows(2));
  const file = await open(store.path, "r+");
  await file.write(Buffer.of(1), 0, 1, 5);
  // The second image's rows never reached the disk.
  await file.truncate(LENGTH * 4 + 3);
  await file.close();
  assert.equal(await store.find(digest("a")), null);
  assert.equal(await store.find(digest("b")), null);
  await store.close(true);
});

test("a line that a crash cut short costs its image alone, and the next line is whole", async () => {
  const store = await openIn("cut");
  await store.put(digest("a"), image, rows(1));
  await store.close(true);
  const index = store.path.replace(".f32", ".jsonl");
  await appendFile(index, '{"content":"bbbb');
  const again = await openIn("cut");
  await again.put(digest("c"), image, rows(3));
  await again.close(true);
  const last = await openIn("cut");
  assert.equal(last.size, 2);
  assert.ok((await last.find(digest("a"))) !== null && (await last.find(digest("c"))) !== null);
  await last.close(true);
});

test("lines that are no entries are passed over", async () => {
  const store = await openIn("odd");
  await store.put(digest("a"), image, rows(1));
  await store.close(true);
  const index = store.path.replace(".f32", ".jsonl");
  const line = JSON.parse((await readFile(index, "utf8")).trim()) as object;
  const odd = [5, null, [], {}, { ...line, slot: -1 }, { ...line, content: "x" }, { ...line, crc: "1" }];
  await writeFile(index, odd.map((one) => JSON.stringify(one)).join("\n"));
  const again = await openIn("odd");
  assert.equal(again.size, 0);
  await again.close(true);
});

test("one process at a time: another's lock is respected while it lives and counts for nothing afterwards", async () => {
  const store = await openIn("lock");
  const lock = store.path.replace(".f32", ".lock");
  await assert.rejects(openIn("lock"), (error: unknown) => {
    assert.ok(error instanceof DeviceError && error.code === "embeddings-in-use", String(error));
    return error.message.includes(`process ${process.pid}`);
  });
  await store.close(true);
  const other = spawn("sleep", ["60"]);
  await once(other, "spawn");
  const pid = other.pid ?? 0;
  await writeFile(lock, `${pid} ${await processStartTicks(pid)}`);
  await assert.rejects(openIn("lock"), DeviceError);
  other.kill("SIGKILL");
  await once(other, "exit");
  await (await openIn("lock")).close(false);
});

test("closing without keeping leaves nothing, but what others put into the folder stays", async () => {
  const alone = await openIn("gone");
  await alone.put(digest("a"), image, rows(1));
  await alone.close(false);
  await assert.rejects(readdir(join(root, "gone")));
  const shared = await openIn("shared");
  await writeFile(join(root, "shared", "notes.txt"), "mine");
  await shared.close(false);
  assert.deepEqual(await readdir(join(root, "shared")), ["notes.txt"]);
});

test("a disk without room is told before the work, with what is needed", async () => {
  const store = await EmbeddingStore.open({ folder: join(root, "full"), key: "key", imageLength: 2 ** 40 });
  await store.checkSpace(0);
  await assert.rejects(store.checkSpace(10), (error: unknown) => {
    assert.ok(error instanceof DeviceError && error.code === "disk-full", String(error));
    // 10 · 2⁴⁰ · 4 bytes are 43,980 GB.
    return /Expected 43980\.5 GB free .* of 10 images but [\d.]+ GB are/.test(error.message);
  });
  await store.close(false);
});

test("a folder that cannot be made is told with its name", async () => {
  await writeFile(join(root, "file"), "");
  await assert.rejects(openIn("file/below"), (error: unknown) => {
    assert.ok(error instanceof DeviceError && error.code === "embeddings-write", String(error));
    return error.message.includes("file/below");
  });
});
