import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { BlockFetcher } from "../../src/bank/block-fetcher.ts";
import { IncomingFile } from "../../src/bank/incoming-file.ts";
import { parseDirective } from "../../src/bank/offer.ts";

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/** 10 bytes in blocks of 4: the last one has 2. */
const CONTENT = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
const BLOCKS = [CONTENT.subarray(0, 4), CONTENT.subarray(4, 8), CONTENT.subarray(8)] as const;
const TABLE = Buffer.concat(BLOCKS.map(sha256));

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-incoming-"));
});
after(async () => {
  await rm(folder, { recursive: true });
});

function optionsOf(digest = sha256(CONTENT).toString("hex")): Parameters<typeof IncomingFile.open>[0] {
  return { folder, bytes: CONTENT.length, sha256: digest, blockBytes: 4, table: TABLE };
}

test("blocks come in any order and over restarts, and the whole has its digest", async () => {
  const first = await IncomingFile.open(optionsOf());
  assert.deepEqual([first.blocks, first.missing, first.lengthOf(2)], [3, 3, 2]);
  assert.equal(await first.put(2, BLOCKS[2]), true);
  assert.equal(await first.put(2, BLOCKS[2]), false);
  await first.close();
  const second = await IncomingFile.open(optionsOf());
  assert.deepEqual([second.missing, second.has(2), second.has(0)], [2, true, false]);
  await second.put(0, BLOCKS[0]);
  await second.put(1, BLOCKS[1]);
  await second.verify();
  await second.close();
  assert.deepEqual(new Uint8Array(await readFile(second.path)), CONTENT);
});

test("a block with any other byte, of another length or beyond the end is refused and leaves no trace", async () => {
  const file = await IncomingFile.open(optionsOf("11".repeat(32)));
  for (const [at] of BLOCKS[0].entries()) {
    const flipped = BLOCKS[0].map((byte, i) => (i === at ? byte ^ 1 : byte));
    await assert.rejects(file.put(0, flipped), { code: "block-damaged" });
  }
  await assert.rejects(file.put(0, BLOCKS[2]), { code: "block-damaged" });
  await assert.rejects(file.put(1, BLOCKS[0]), { code: "block-damaged" });
  await assert.rejects(file.put(3, BLOCKS[0]), { code: "block-damaged" });
  await assert.rejects(file.put(0.5, BLOCKS[0]), { code: "block-damaged" });
  assert.equal(file.missing, 3);
  await file.close();
});

test("what was written before the process ended is there, whether it was forced onto the disk or not", async () => {
  const options = optionsOf("22".repeat(32));
  // Not closed, as after SIGKILL.
  const one = await IncomingFile.open(options);
  await one.put(0, BLOCKS[0]);
  const two = await IncomingFile.open(options);
  assert.deepEqual([two.has(0), two.has(1)], [true, false]);
  await two.close();
  await one.close();
});

test("a map that marks what is not on the disk is not believed", async () => {
  const digest = "22".repeat(32);
  const file = await IncomingFile.open(optionsOf(digest));
  for (const [i, block] of BLOCKS.entries()) await file.put(i, block);
  await file.close();
  const disk = await open(file.path, "r+");
  await disk.write(Uint8Array.of(99), 0, 1, 5);
  await disk.close();
  const again = await IncomingFile.open(optionsOf(digest));
  assert.deepEqual(
    [0, 1, 2].map((block) => again.has(block)),
    [true, false, true],
  );
  await again.put(1, BLOCKS[1]);
  // Every block is right, and the whole is still not what was signed.
  await assert.rejects(again.verify(), { code: "file-damaged" });
  await again.close();
});

/** A fetcher over ten blocks with a clock in the test's hand. */
function fetcherOf(): {
  fetcher: BlockFetcher;
  asked: number[];
  there: Set<number>;
  world: { nowMs: number; busy: boolean };
} {
  const asked: number[] = [];
  const there = new Set<number>();
  const world = { nowMs: 0, busy: false };
  const fetcher = new BlockFetcher({
    blocks: 10,
    has: (block) => there.has(block),
    request: (block) => asked.push(block),
    isBusy: () => world.busy,
    intervalMs: 100,
    clock: { monotonicMs: () => world.nowMs, wallMs: () => 0 },
  });
  return { fetcher, asked, there, world };
}

test("at most four blocks are asked for at once, no faster than the rate, and none while verdicts wait", () => {
  const { fetcher, asked, there, world } = fetcherOf();
  fetcher.step();
  fetcher.step();
  assert.deepEqual(asked, [0]);
  for (world.nowMs = 100; world.nowMs < 1_000; world.nowMs += 100) fetcher.step();
  assert.deepEqual(asked, [0, 1, 2, 3]);
  there.add(1);
  assert.equal(fetcher.received(1), true);
  assert.equal(fetcher.received(1), false);
  assert.equal(fetcher.received(7), false);
  world.busy = true;
  fetcher.step();
  assert.equal(asked.length, 4);
  world.busy = false;
  fetcher.step();
  assert.deepEqual(asked, [0, 1, 2, 3, 4]);
});

test("a block that does not come is asked for again, and so is everything after a lost connection", () => {
  const { fetcher, asked, world } = fetcherOf();
  fetcher.step();
  world.nowMs = 9_999;
  fetcher.step();
  world.nowMs = 10_100;
  fetcher.step();
  assert.deepEqual(asked, [0, 1, 0]);
  fetcher.forget();
  world.nowMs = 10_200;
  fetcher.step();
  assert.deepEqual(asked, [0, 1, 0, 0]);
});

const DIGEST = "ab".repeat(32);
const file = (kind: string, bytes = 100): object => ({ kind, bytes, sha256: DIGEST, tableSha256: DIGEST, url: null });
const offer = (files: readonly object[]): object => ({
  ...{ action: "offer", bankId: "washer-1a2b3c4d", backboneSha256: DIGEST, blockBytes: 65_536, files, shadow: null },
});

test("an offer is a bank, with the two files of its backbone before it or not", () => {
  assert.equal(parseDirective(offer([file("bank")]), 1_000).action, "offer");
  const whole = [file("backbone-manifest"), file("backbone-model"), file("bank")];
  assert.equal(parseDirective(offer(whole), 1_000).action, "offer");
  for (const files of [
    [],
    [file("backbone-model"), file("bank")],
    [file("bank"), file("bank")],
    [...whole, file("bank")],
  ]) {
    assert.throws(() => parseDirective(offer(files), 1_000), { code: "offer-form" });
  }
});

test("what is larger than allowed, or has more blocks than a table holds, is refused before anything is fetched", () => {
  assert.throws(() => parseDirective(offer([file("bank", 1_001)]), 1_000), { code: "offer-size" });
  assert.throws(() => parseDirective(offer([file("bank", 4_096 * 65_536 + 1)]), Number.MAX_SAFE_INTEGER), {
    code: "offer-size",
  });
});

test("unknown keys, actions and paths in the place of digests are refused", () => {
  const bad = [
    { ...offer([file("bank")]), more: 1 },
    { action: "delete" },
    { action: "withdraw" },
    offer([{ ...file("bank"), sha256: "../../etc/passwd" }]),
    offer([{ ...file("bank"), bytes: -1 }]),
    { ...offer([file("bank")]), blockBytes: 1 },
    { ...offer([file("bank")]), shadow: { parts: 0, seconds: 1 } },
    { action: "promote" },
    null,
    [],
  ];
  for (const body of bad) assert.throws(() => parseDirective(body, 1_000), { code: "offer-form" });
});
