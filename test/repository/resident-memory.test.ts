import assert from "node:assert/strict";
import { test } from "node:test";
import { residentOf, residentFrom } from "../support/resident-memory.ts";

test("what is resident is told apart by what it belongs to", () => {
  // 0x7f0004000000 is a multiple of 64 MiB (0x4000000): an arena of 8 MiB, cut in two by mprotect, and the rest of its region.
  const smaps = [
    mapping("00400000-00500000 r-xp 00000000 fe:00 77 /usr/bin/node", 1_024),
    mapping("01000000-01400000 rw-p 00000000 00:00 0 [heap]", 2_048),
    mapping("7f0004000000-7f0004400000 rw-p 00000000 00:00 0", 3_072),
    mapping("7f0004400000-7f0004800000 rw-p 00000000 00:00 0", 1_024),
    mapping("7f0004800000-7f0008000000 ---p 00000000 00:00 0", 0),
    mapping("7f0008000000-7f0008100000 rw-p 00000000 00:00 0", 512),
    mapping("7f0008100000-7f000c000000 ---p 00000000 00:00 0", 0),
    // Begins at a multiple of 64 MiB by chance.
    mapping("7f0010000000-7f0010100000 rw-p 00000000 00:00 0", 512),
    mapping("7f0010200000-7f0010300000 rw-p 00000000 00:00 0", 512),
    mapping("7f0020000000-7f0020100000 r-xp 00000000 fe:00 78 /usr/lib/libc.so.6", 1_024),
    mapping("7ffc00000000-7ffc00100000 rw-p 00000000 00:00 0 [stack]", 512),
  ].join("\n");
  assert.deepEqual(residentFrom(smaps), {
    total: 10,
    mainArena: 2,
    threadArenas: 4.5,
    threadArenaCount: 2,
    otherAnonymous: 1.5,
    files: 2,
  });
});

test("this process has memory, and one that is not there has none", async () => {
  const resident = await residentOf(process.pid);
  assert.ok(resident !== null && resident.files > 1 && resident.total > resident.files);
  assert.equal(await residentOf(2 ** 22 + 1), null);
});

function mapping(head: string, rssKib: number): string {
  return `${head}\nSize:               4096 kB\nRss:                ${rssKib} kB\nPss:                ${rssKib} kB\nVmFlags: rd wr mr`;
}
