import assert from "node:assert/strict";
import { test } from "node:test";
import { steadyMemory } from "../../src/shared/steady-memory.ts";

const THRESHOLDS = { MALLOC_MMAP_THRESHOLD_: "1048576", MALLOC_TRIM_THRESHOLD_: "1048576" };

test("a process that lives for months has one arena, and gives large pieces back", () => {
  assert.deepEqual(steadyMemory({ PATH: "/usr/bin" }), { MALLOC_ARENA_MAX: "1", ...THRESHOLDS });
});

test("what the environment says of the allocator already holds", () => {
  assert.deepEqual(steadyMemory({ MALLOC_ARENA_MAX: "4" }), THRESHOLDS);
  assert.deepEqual(steadyMemory({ MALLOC_ARENA_MAX: "4", ...THRESHOLDS }), {});
});
