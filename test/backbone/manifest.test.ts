import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { builtInModelsFolder, findBackbone, listBackbones } from "../../src/backbone/find.ts";
import { loadBackbone, parseManifest } from "../../src/backbone/manifest.ts";
import { InputError } from "../../src/shared/errors.ts";
import { tinyManifest, tinyModel } from "./tiny-backbone.ts";

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-backbone-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function writeTiny(models: string, folder: string, change: object = {}): Promise<string> {
  const model = tinyModel();
  await mkdir(join(models, folder), { recursive: true });
  await writeFile(join(models, folder, "tiny.onnx"), model);
  const path = join(models, folder, "manifest.json");
  await writeFile(path, JSON.stringify({ ...tinyManifest(model), ...change }));
  return path;
}

function isInputError(code: string, ...messages: RegExp[]): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, code);
    for (const message of messages) assert.match(error.message, message);
    return true;
  };
}

test("the manifest of the default backbone is read as it was written", async () => {
  const { manifest, model } = await loadBackbone(join(builtInModelsFolder(), "efficientnet-lite0", "manifest.json"));
  assert.deepEqual(manifest.input.mean, [127, 127, 127]);
  assert.deepEqual(
    manifest.outputs.map((output) => [output.name, output.channels, output.stride]),
    [
      ["layer1", 24, 4],
      ["layer2", 40, 8],
      ["layer3", 112, 16],
      ["expand2", 240, 8],
      ["expand3", 672, 16],
    ],
  );
  assert.equal(model.length, 3089795);
});

test("every problem of a manifest stands in one message, with path, expected and actual", () => {
  const good = tinyManifest(tinyModel());
  const bad = {
    ...good,
    name: "Not A Name",
    file: "../elsewhere.onnx",
    colour: "RGB",
    input: { ...good.input, layout: "NHWC", mean: [0.5, 0.5], std: [0, 1, 1], crop: 224 },
    outputs: [{ name: "half", channels: 0, stride: 3 }, { name: "half", channels: 3, stride: 2 }, "layer"],
  };
  assert.throws(
    () => parseManifest(JSON.stringify(bad), "m.json"),
    isInputError(
      "bad-manifest",
      /in m\.json but found:/,
      /\n {2}name: expected a name of 1 to 64 characters .* but got "Not A Name"/,
      /\n {2}file: expected the name of an \.onnx file in the same folder but got "\.\.\/elsewhere\.onnx"/,
      /\n {2}colour: expected no such key .* but got "RGB"/,
      /\n {2}input\.crop: expected no such key .* but got 224/,
      /\n {2}input\.layout: expected "NCHW" but got "NHWC"/,
      /\n {2}input\.mean: expected three numbers .* but got \[0\.5,0\.5\]/,
      /\n {2}input\.std: expected three numbers above 0.* but got \[0,1,1\]/,
      /\n {2}outputs\[0\]\.channels: expected an integer from 1 .* but got 0/,
      /\n {2}outputs\[0\]\.stride: expected a divisor of input\.multiple 4 but got 3/,
      /\n {2}outputs\[1\]\.name: expected a name that no other output has but got "half"/,
      /\n {2}outputs\[2\]: expected an object .* but got "layer"/,
    ),
  );
});

test("a manifest of another kind, an empty document and text that is no JSON are refused", () => {
  assert.throws(() => parseManifest("[]", "m.json"), isInputError("bad-manifest", /the document: expected an object/));
  assert.throws(
    () => parseManifest("{}", "m.json"),
    isInputError("bad-manifest", /format: expected "nominald-backbone" but got nothing/),
  );
  assert.throws(() => parseManifest("{", "m.json"), isInputError("bad-manifest", /Expected JSON in m\.json/));
});

test("a model of which one byte changed is refused by its digest", async (t) => {
  const folder = await temporaryFolder(t);
  const path = await writeTiny(folder, "tiny");
  const model = await readFile(join(folder, "tiny", "tiny.onnx"));
  model[100] = (model[100] ?? 0) ^ 1;
  await writeFile(join(folder, "tiny", "tiny.onnx"), model);
  await assert.rejects(
    loadBackbone(path),
    isInputError("damaged-backbone", /Expected SHA-256 [0-9a-f]{64} of .*tiny\.onnx .* but got [0-9a-f]{64}/),
  );
});

test("a manifest or a model that is not there is named", async (t) => {
  const folder = await temporaryFolder(t);
  await assert.rejects(
    loadBackbone(join(folder, "manifest.json")),
    isInputError("unreadable-manifest", /manifest\.json but ENOENT/),
  );
  const path = await writeTiny(folder, "tiny");
  await rm(join(folder, "tiny", "tiny.onnx"));
  await assert.rejects(
    loadBackbone(path),
    isInputError("unreadable-model", /backbone tiny in .*tiny\.onnx but ENOENT/),
  );
});

test("a backbone is found by name and by digest, whatever its folder is called", async (t) => {
  const folder = await temporaryFolder(t);
  await writeTiny(folder, "some-folder");
  const sha256 = tinyManifest(tinyModel()).sha256;
  assert.equal((await findBackbone([builtInModelsFolder(), folder], { name: "tiny" })).manifest.sha256, sha256);
  // The digest decides even where the bank knows the backbone by another name.
  assert.equal((await findBackbone([folder], { sha256, name: "renamed" })).manifest.name, "tiny");
});

test("of two backbones with one name the first folder's is taken, and a repeated folder is searched once", async (t) => {
  const first = await temporaryFolder(t);
  const second = await temporaryFolder(t);
  const path = await writeTiny(first, "tiny");
  await writeTiny(second, "tiny");
  assert.equal((await findBackbone([first, second], { name: "tiny" })).manifestPath, path);
  assert.equal((await listBackbones([first, second, first])).length, 2);
});

test("the wrong backbone for a bank: the message says what is wanted and what was found", async (t) => {
  const folder = await temporaryFolder(t);
  await writeTiny(folder, "tiny");
  await writeTiny(folder, "broken", { opset: "new" });
  await mkdir(join(folder, "no-backbone"));
  const wanted = "ab".repeat(32);
  await assert.rejects(
    findBackbone([folder, "/does/not/exist"], { name: "tiny", sha256: wanted }),
    isInputError(
      "wrong-backbone",
      new RegExp(`^Expected backbone tiny with SHA-256 ${wanted} in ${folder}, /does/not/exist but found:`),
      /tiny\/manifest\.json: tiny with SHA-256 [0-9a-f]{64}/,
      /broken\/manifest\.json: .*opset: expected an integer/s,
      /\/does\/not\/exist: ENOENT/,
    ),
  );
  await assert.rejects(
    findBackbone([], { name: "tiny" }),
    isInputError("wrong-backbone", /in no folder at all but found: none/),
  );
});

test("a broken neighbour does not hide a good backbone", async (t) => {
  const folder = await temporaryFolder(t);
  await writeTiny(folder, "a-broken", { opset: "new" });
  const source = join(builtInModelsFolder(), "efficientnet-lite0");
  await mkdir(join(folder, "lite0"));
  for (const name of ["manifest.json", "efficientnet-lite0.onnx"])
    await copyFile(join(source, name), join(folder, "lite0", name));
  assert.equal((await findBackbone([folder], { name: "efficientnet-lite0" })).manifest.name, "efficientnet-lite0");
});

test("the preferred input is read where it is given, and refused when the network could not take it", () => {
  const good = tinyManifest(tinyModel());
  const read = (preferred: object) =>
    parseManifest(JSON.stringify({ ...good, input: { ...good.input, preferred } }), "m").input.preferred;
  const preferred = { shorterSide: 256, width: 224, height: 224, kernel: "bicubic" };
  assert.deepEqual(read(preferred), preferred);
  assert.equal(parseManifest(JSON.stringify(good), "m").input.preferred, undefined);
  assert.throws(
    () => read({ shorterSide: 200, width: 224, height: 222, kernel: "nearest", crop: true }),
    isInputError(
      "bad-manifest",
      /input\.preferred\.width: expected a multiple of input\.multiple 4, at most shorterSide 200 but got 224/,
      /input\.preferred\.height: expected a multiple of input\.multiple 4, .* but got 222/,
      /input\.preferred\.kernel: expected "linear" or "bicubic" but got "nearest"/,
      /input\.preferred\.crop: expected no such key/,
    ),
  );
});
