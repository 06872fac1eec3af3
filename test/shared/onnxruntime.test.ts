import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";

const DEADLINE_MS = 60_000;

test("telemetry and TF32 are off before ONNX Runtime's library is opened, and it writes no files", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "nominald-home-"));
  t.after(() => rm(home, { recursive: true }));
  const child = fileURLToPath(new URL("load-onnxruntime.child.ts", import.meta.url));
  // Everything below is where the library would leave its files; the runner's own setting must not help it. tsx keeps
  // a cache in the temporary folder, so that one is left as it is.
  const env = { ...process.env, HOME: home, XDG_CACHE_HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home };
  delete (env as NodeJS.ProcessEnv)["ORT_DISABLE_TELEMETRY"];
  delete (env as NodeJS.ProcessEnv)["NVIDIA_TF32_OVERRIDE"];
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, child], {
    env,
    timeout: DEADLINE_MS,
  });
  const answer: unknown = JSON.parse(stdout);
  assert.deepEqual(answer, { seen: [{ telemetry: "1", tf32: "0" }], hasCpu: true });
  assert.deepEqual(await readdir(home), []);
});

test("a worker thread, whose environment the library would not see, is refused", async () => {
  const module = new URL("../../src/shared/onnxruntime.ts", import.meta.url).href;
  // Node 20 reads no types, and --import tsx does not reach a worker's own imports there.
  const code = `import("tsx/esm/api")
    .then(({ register }) => register())
    .then(() => import(${JSON.stringify(module)}))
    .then(({ loadOnnxRuntime }) => loadOnnxRuntime())
    .then(() => "loaded", (error) => error.code)
    .then((text) => require("node:worker_threads").parentPort.postMessage(text));`;
  const worker = new Worker(code, { eval: true });
  const answer = await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  await worker.terminate();
  assert.equal(answer, "onnxruntime-in-worker");
});
