import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { builtInModelsFolder } from "../../src/backbone/find.ts";
import { modelsCommand } from "../../src/cli/models.ts";
import { InputError } from "../../src/shared/errors.ts";

const DEFAULT = join(builtInModelsFolder(), "efficientnet-lite0");

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const lines = { out: [] as string[], err: [] as string[] };
  const io = { out: (line: string) => void lines.out.push(line), err: (line: string) => void lines.err.push(line) };
  const code = await modelsCommand(args, { ...io, isTerminal: false, signal: new AbortController().signal });
  return { code, out: lines.out.join("\n"), err: lines.err.join("\n") };
}

async function copyOfDefault(t: TestContext, change: (text: string) => string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-models-"));
  t.after(() => rm(folder, { recursive: true }));
  await copyFile(join(DEFAULT, "efficientnet-lite0.onnx"), join(folder, "efficientnet-lite0.onnx"));
  await writeFile(join(folder, "manifest.json"), change(await readFile(join(DEFAULT, "manifest.json"), "utf8")));
  return folder;
}

test("models check takes the manifest or the model beside it, and says ok", async () => {
  for (const name of ["manifest.json", "efficientnet-lite0.onnx"]) {
    const { code, out } = await run("check", join(DEFAULT, name));
    assert.equal(code, 0);
    assert.match(out, /^efficientnet-lite0: ok\n/);
    assert.match(out, /output {3}layer3, 112 channels, stride 16/);
  }
});

test("models check ends with exit code 4 and names each problem", async (t) => {
  const folder = await copyOfDefault(t, (text) =>
    text.replace('"channels": 40', '"channels": 41').replace('"opset": 17', '"opset": 16'),
  );
  const { code, out } = await run("check", join(folder, "manifest.json"));
  assert.equal(code, 4);
  assert.match(out, /PROBLEM {2}opset: expected 16/);
  assert.match(out, /PROBLEM {2}layer2: expected float32 1 × 41 /);
});

test("models check throws an input error for a broken manifest and for a model that the manifest does not name", async (t) => {
  const broken = await copyOfDefault(t, () => "{}");
  await assert.rejects(run("check", join(broken, "manifest.json")), InputError);
  const other = await copyOfDefault(t, (text) => text);
  await copyFile(join(DEFAULT, "efficientnet-lite0.onnx"), join(other, "other.onnx"));
  await assert.rejects(
    run("check", join(other, "other.onnx")),
    /names other\.onnx beside it but it names efficientnet-lite0\.onnx/,
  );
});

test("models list shows the built-in backbone and what lies in further folders", async () => {
  const { code, out } = await run("list", "--models", "/does/not/exist");
  assert.equal(code, 0);
  assert.match(out, /^\/does\/not\/exist: PROBLEM ENOENT/m);
  assert.match(out, /^efficientnet-lite0 {2}3e8690f7ee56 {2}Apache-2\.0 {2}/m);
});

test("a missing or unknown subcommand, option or file is a usage error", async () => {
  for (const args of [[], ["mend"], ["check"], ["check", "--fast", "x"], ["list", "x"]]) {
    const { code, out, err } = await run(...args);
    assert.deepEqual([code, out], [2, ""], args.join(" "));
    assert.match(err, /usage: nominald models /);
  }
});
