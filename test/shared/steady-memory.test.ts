import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { steadyMemory } from "../../src/shared/steady-memory.ts";

const ALLOCATOR = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: "1048576",
  MALLOC_TRIM_THRESHOLD_: "1048576",
};

test("a process that lives for months has one arena, gives large pieces back and has little room for new objects", () => {
  assert.deepEqual(steadyMemory({ PATH: "/usr/bin" }), { ...ALLOCATOR, NODE_OPTIONS: "--max-semi-space-size=2" });
});

test("what the environment says already holds, and other options of Node stay", () => {
  const { MALLOC_ARENA_MAX: _, ...thresholds } = ALLOCATOR;
  const said = { MALLOC_ARENA_MAX: "4", NODE_OPTIONS: "--trace-gc --max_semi_space_size=8" };
  assert.deepEqual(steadyMemory(said), thresholds);
  const { NODE_OPTIONS } = steadyMemory({ NODE_OPTIONS: "--trace-warnings" });
  assert.equal(NODE_OPTIONS, "--trace-warnings --max-semi-space-size=2");
});

test("Node keeps to it: new objects that live for a while take a few MiB at most", () => {
  const script = `
    const { getHeapSpaceStatistics } = require("node:v8");
    let largest = 0;
    for (let i = 0; i < 100; i++) {
      const kept = Array.from({ length: 50_000 }, (_, n) => ({ n }));
      const space = getHeapSpaceStatistics().find((one) => one.space_name === "new_space");
      largest = Math.max(largest, space.space_size * (kept.length > 0 ? 1 : 0));
    }
    console.log(largest / 2 ** 20);`;
  const sizeOf = (environment: Record<string, string>): number => {
    const { NODE_OPTIONS: _, ...rest } = process.env;
    const run = spawnSync(process.execPath, ["-e", script], { env: { ...rest, ...environment }, encoding: "utf8" });
    assert.equal(run.status, 0, run.stderr);
    return Number(run.stdout);
  };
  const [steady, plain] = [sizeOf(steadyMemory({})), sizeOf({})];
  assert.ok(steady > 0 && steady <= 6, `${steady} MiB`);
  assert.ok(plain > 6, `${plain} MiB`);
});
