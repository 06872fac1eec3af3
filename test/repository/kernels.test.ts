import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "node:test";

test("each kernel that is written is what its source compiles to", async () => {
  const script = fileURLToPath(new URL("../../.ci/kernels.mjs", import.meta.url));
  const { stderr } = await promisify(execFile)(process.execPath, [script, "--check"]);
  assert.equal(stderr, "");
});
