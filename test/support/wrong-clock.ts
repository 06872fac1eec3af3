import assert from "node:assert/strict";
import { existsSync } from "node:fs";

/** Debian's, for processes with threads; undefined where it is not installed. */
export const LIBFAKETIME = ["x86_64", "aarch64"]
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)
  .find((file) => existsSync(file));

/**
 * @param offset as libfaketime takes it: `+9y`, `-8y`
 * @returns environment of a process whose wall clock, and its children's, is wrong by so much; its monotonic one is right
 */
export function wrongClock(offset: string): Readonly<Record<string, string>> {
  assert.ok(LIBFAKETIME !== undefined, "libfaketime is installed");
  return { LD_PRELOAD: LIBFAKETIME, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
}
