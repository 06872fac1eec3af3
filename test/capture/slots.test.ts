import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Slots } from "../../src/capture/slots.ts";
import { BugError, DeviceError } from "../../src/shared/errors.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";
import { temporaryFolder } from "./pictures.ts";

test("a frame stays as it is until its slot is released, then the slot is written again", async (t) => {
  const folder = await temporaryFolder(t);
  const slots = new Slots(folder, 2);
  t.after(() => slots.close());
  const [a, b] = [slots.write(Uint8Array.from([1, 1])), slots.write(Uint8Array.from([2, 2]))];
  assert.deepEqual(a, { slot: 0, path: join(folder, "0.raw") });
  assert.deepEqual(b, { slot: 1, path: join(folder, "1.raw") });
  assert.equal(slots.free, 0);
  assert.equal(slots.write(Uint8Array.from([3, 3])), null);
  assert.deepEqual([...readFileSync(join(folder, "0.raw"))], [1, 1]);
  slots.release(0);
  assert.equal(slots.write(Uint8Array.from([4, 4]))?.slot, 0);
  assert.deepEqual([...readFileSync(join(folder, "0.raw"))], [4, 4]);
  assert.deepEqual([...readFileSync(join(folder, "1.raw"))], [2, 2]);
});

test("all slots take their memory at the first frame, and what lies in them outlives a larger frame", async (t) => {
  const folder = await temporaryFolder(t);
  const slots = new Slots(folder, 3);
  t.after(() => slots.close());
  slots.write(new Uint8Array(100).fill(7));
  assert.deepEqual(
    readdirSync(folder).map((name) => statSync(join(folder, name)).size),
    [100, 100, 100],
  );
  slots.write(new Uint8Array(3_000_000).fill(8));
  assert.deepEqual(
    readdirSync(folder).map((name) => statSync(join(folder, name)).size),
    [3_000_000, 3_000_000, 3_000_000],
  );
  assert.deepEqual(
    readFileSync(join(folder, "0.raw")).subarray(0, 101),
    Buffer.from([...new Uint8Array(100).fill(7), 0]),
  );
});

test("a slot that someone removed is told with its path, instead of frames that nobody finds", async (t) => {
  const folder = await temporaryFolder(t);
  const slots = new Slots(folder, 1);
  t.after(() => slots.close());
  slots.write(Uint8Array.of(1));
  slots.release(0);
  rmSync(join(folder, "0.raw"));
  assert.throws(() => slots.write(Uint8Array.of(2)), {
    name: DeviceError.name,
    code: "shared-memory-unusable",
    message: /0\.raw was removed/,
  });
});

test("a credit for a slot that is not taken is a bug, told at once", async (t) => {
  const slots = new Slots(await temporaryFolder(t), 2);
  for (const slot of [0, 2, -1])
    assert.throws(() => slots.release(slot), { name: BugError.name, code: "slot-not-taken" });
});

test("a slot file that exists already is not written to", async (t) => {
  const folder = await temporaryFolder(t);
  const first = new Slots(folder, 1);
  t.after(() => first.close());
  first.write(new Uint8Array(1));
  assert.throws(() => new Slots(folder, 1).write(new Uint8Array(1)), {
    code: "shared-memory-unusable",
    message: /EEXIST/,
  });
});

test("full shared memory is told at the first frame, with the needed and the available bytes", async (t) => {
  // 1 MiB holds two of three slots of 400 kB.
  const folder = await smallTmpfs(t, "size=1m");
  if (folder === null) return;
  const slots = new Slots(folder, 3);
  t.after(() => slots.close());
  assert.throws(
    () => slots.write(new Uint8Array(400_000)),
    (error) => {
      assert.ok(error instanceof DeviceError);
      assert.equal(error.code, "shared-memory-full");
      const numbers = /^Expected room for (\d+) bytes \(3 slots of 400000\) in \S+ but (\d+) bytes are available$/.exec(
        error.message,
      );
      assert.equal(Number(numbers?.[1]), 1_200_000);
      // All of the file system is theirs: 1 MiB, in pages.
      assert.ok(Number(numbers?.[2]) > 1_000_000 && Number(numbers?.[2]) <= 1_048_576, error.message);
      return true;
    },
  );
});
