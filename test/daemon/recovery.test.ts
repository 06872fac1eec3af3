import assert from "node:assert/strict";
import { test } from "node:test";
import { Recovery } from "../../src/daemon/recovery.ts";
import { DeviceError } from "../../src/shared/errors.ts";
import type { Opened } from "../../src/store/protocol.ts";

const NOW_MS = 1_700_000_000_000;
const CLOCK = { monotonicMs: () => 0, wallMs: () => NOW_MS };
const TRIGGER = { session: "s1", seq: 1, part: "", recipe: "" };

function openedWith(seq: number): Opened {
  const remains = { open: [{ ...TRIGGER, seq }], answered: [], messages: [], values: {} };
  return { nextKey: 5, stations: { "line1/st1": remains }, setAside: null, news: [] };
}

function recoveryFrom(open: () => Promise<Opened>, remains: () => Promise<Opened | null>) {
  const asked: string[] = [];
  const recovery = new Recovery(
    {
      open,
      remains: (station) => {
        asked.push(station);
        return remains();
      },
    },
    CLOCK,
  );
  return { recovery, asked };
}

const none = (): Promise<null> => Promise.resolve(null);

test("stations of the start take what the database held; one that begins later is told what it holds by then", async () => {
  const { recovery, asked } = recoveryFrom(
    () => Promise.resolve(openedWith(1)),
    () => Promise.resolve(openedWith(2)),
  );
  await recovery.open();
  const first = await recovery.of("line1/st1");
  assert.deepEqual([first.recovered.open, first.left.nextKey, asked], [[TRIGGER], 5, []]);
  assert.deepEqual((await recovery.of("line1/st2")).recovered.open, [], "nothing of another station");
  recovery.taken();
  const later = await recovery.of("line1/st1");
  assert.deepEqual([later.recovered.open.map(({ seq }) => seq), asked], [[2], ["line1/st1"]]);
});

test("without a database the line goes on, with keys beyond any that one could hold", async () => {
  const { recovery } = recoveryFrom(() => Promise.reject(new DeviceError("store", "the disk is gone")), none);
  await recovery.open();
  const { left, recovered } = await recovery.of("line1/st1");
  assert.deepEqual(left, { nextKey: NOW_MS * 1_000, messages: [], answered: [] });
  assert.deepEqual(recovered, { open: [], answered: [], challengedAtWallMs: null, challengePassed: false });
  recovery.taken();
  assert.equal((await recovery.of("line1/st1")).left.nextKey, NOW_MS * 1_000);
});

test("a mistake of ours is no disk that fails", async () => {
  const { recovery } = recoveryFrom(() => Promise.reject(new TypeError("undefined is not a function")), none);
  await assert.rejects(recovery.open(), TypeError);
});
