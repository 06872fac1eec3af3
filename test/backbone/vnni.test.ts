import assert from "node:assert/strict";
import { test } from "node:test";
import { multipliesEightBits, thisMachineMultipliesEightBits } from "../../src/backbone/vnni.ts";

test("weights of 8 bits need VNNI on x86-64 and nothing on ARM", () => {
  const cpu = (flags: string): string => `processor\t: 0\nflags\t\t: fpu ${flags} avx2\nbugs\t\t: avx_vnni\n`;
  assert.equal(multipliesEightBits(cpu("avx512_vnni"), "x64"), true);
  assert.equal(multipliesEightBits(cpu("avx_vnni"), "x64"), true);
  // "avx_vnni_int8" is another instruction set, and a word in another line is none.
  assert.equal(multipliesEightBits(cpu("avx512f avx_vnni_int8"), "x64"), false);
  assert.equal(multipliesEightBits("Features\t: fp asimd", "arm64"), true);
});

test("this machine's processor can be asked", async () => {
  assert.equal(typeof (await thisMachineMultipliesEightBits()), "boolean");
});
