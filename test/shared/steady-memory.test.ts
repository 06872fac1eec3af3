import assert from "node:assert/strict";
import { test } from "node:test";
import { steadyMemory } from "../../src/shared/steady-memory.ts";

const [LARGE_FROM, TRIM_FROM] = [{ MALLOC_MMAP_THRESHOLD_: "1048576" }, { MALLOC_TRIM_THRESHOLD_: "1048576" }];

test("a child that lives for months has one arena, and gives large pieces back", () => {
  assert.deepEqual(steadyMemory({ PATH: "/usr/bin" }), { MALLOC_ARENA_MAX: "1", ...LARGE_FROM, ...TRIM_FROM });
});

test("what the environment says of the allocator already holds", () => {
  assert.deepEqual(steadyMemory({ MALLOC_ARENA_MAX: "4" }), { ...LARGE_FROM, ...TRIM_FROM });
  assert.deepEqual(steadyMemory({ MALLOC_ARENA_MAX: "4", MALLOC_MMAP_THRESHOLD_: "131072" }), TRIM_FROM);
});
