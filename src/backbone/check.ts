import type { onnx } from "onnx-proto";
import { NominalError, reasonOf } from "../shared/errors.ts";
import { loadOnnxRuntime, type OnnxRuntime } from "../shared/onnxruntime.ts";
import { composeGraph, decodeModel, opsetOf } from "./compose.ts";
import { averagedRecipe } from "./graph-tail.ts";
import { readManifest, readModel, sha256Of, type BackboneFiles, type BackboneManifest } from "./manifest.ts";

/** The newest that ONNX Runtime 1.30 reads. */
const NEWEST_OPSET = 26;
const NEWEST_IR = 13;
/** Least side of the pictures that the check runs, pixels. */
const LEAST_SIDE = 64;

export interface BackboneReport {
  readonly manifest: BackboneManifest;
  readonly modelPath: string;
  readonly modelBytes: number;
  readonly nodes: number;
  readonly irVersion: number;
  /** One sentence each; empty when manifest and model agree. */
  readonly problems: readonly string[];
}

/**
 * Compares a manifest with its model: digest, opset, IR version, input and outputs by name and type, then channels
 * and strides by running the network on two sizes, blank and random. Everything that differs is listed.
 *
 * @throws InputError when the manifest is no manifest, or either file cannot be read
 */
export async function checkBackbone(manifestPath: string): Promise<BackboneReport> {
  const files = await readModel(manifestPath, await readManifest(manifestPath));
  const { manifest, modelPath, model } = files;
  const problems: string[] = [];
  const digest = sha256Of(model);
  if (digest !== manifest.sha256)
    problems.push(`sha256: expected ${manifest.sha256} (the manifest) but the file has ${digest}`);
  const found = attempt(problems, () => decodeModel(model));
  if (found !== undefined) {
    checkHeader(found, manifest, problems);
    const byStride = manifest.outputs.toSorted((a, b) => a.stride - b.stride);
    attempt(problems, () => composeGraph(model, manifest, averagedRecipe(byStride.map((output) => output.name))));
    await checkBehaviour(files, problems);
  }
  return {
    manifest,
    modelPath,
    modelBytes: model.length,
    nodes: found?.graph?.node?.length ?? 0,
    irVersion: Number(found?.irVersion ?? 0),
    problems: [...new Set(problems)],
  };
}

function attempt<T>(problems: string[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NominalError)) throw error;
    problems.push(error.message);
    return undefined;
  }
}

function checkHeader(model: onnx.ModelProto, manifest: BackboneManifest, problems: string[]): void {
  const opset = opsetOf(model);
  if (opset !== manifest.opset)
    problems.push(`opset: expected ${manifest.opset} (the manifest) but the model has ${opset}`);
  if (opset > NEWEST_OPSET)
    problems.push(`opset: expected at most ${NEWEST_OPSET}, which ONNX Runtime reads, but the model has ${opset}`);
  const ir = Number(model.irVersion);
  if (ir > NEWEST_IR)
    problems.push(`IR version: expected at most ${NEWEST_IR}, which ONNX Runtime reads, but the model has ${ir}`);
}

async function checkBehaviour({ manifest, model }: BackboneFiles, problems: string[]): Promise<void> {
  const runtime = await loadOnnxRuntime();
  let session;
  try {
    session = await runtime.InferenceSession.create(model, { executionProviders: ["cpu"], logSeverityLevel: 4 });
  } catch (error) {
    problems.push(`model: expected one that ONNX Runtime can load but ${reasonOf(error)}`);
    return;
  }
  try {
    const input = session.inputMetadata.find((one) => one.name === manifest.input.name);
    const type = input?.isTensor === true ? input.type : undefined;
    if (type === undefined)
      problems.push(
        `input.name: expected one of ${session.inputNames.join(", ")} but the manifest says ${manifest.input.name}`,
      );
    else if (type !== manifest.input.dtype)
      problems.push(`input.dtype: expected ${type} (the model) but the manifest says ${manifest.input.dtype}`);
    const missing = manifest.outputs.filter((output) => !session.outputNames.includes(output.name));
    for (const output of missing)
      problems.push(`outputs: expected one of ${session.outputNames.join(", ")} but the manifest says ${output.name}`);
    if (type !== manifest.input.dtype || missing.length > 0) return;
    await checkRuns(runtime, session, manifest, problems);
  } finally {
    await session.release();
  }
}

type Session = Awaited<ReturnType<OnnxRuntime["InferenceSession"]["create"]>>;
type Maps = Readonly<Record<string, Float32Array>>;

async function checkRuns(
  runtime: OnnxRuntime,
  session: Session,
  manifest: BackboneManifest,
  problems: string[],
): Promise<void> {
  const side = Math.ceil(LEAST_SIDE / manifest.input.multiple) * manifest.input.multiple;
  const longer = side + manifest.input.multiple;
  for (const [count, height, width] of [
    [1, side, longer],
    [2, longer, side],
  ] as const) {
    const shape = [count, 3, height, width] as const;
    const length = count * 3 * height * width;
    try {
      const blank = await runOn(runtime, session, manifest, shape, new Float32Array(length), problems);
      const random = await runOn(runtime, session, manifest, shape, noise(length), problems);
      for (const { name } of manifest.outputs) {
        const [one, other] = [blank[name], random[name]];
        if (one === undefined || other === undefined) continue;
        if (!other.every(Number.isFinite))
          problems.push(`${name}: expected finite values on ${shape.join(" × ")} noise but some are not`);
        if (one.every((value, i) => value === other[i]))
          problems.push(`${name}: expected values that depend on the picture but blank and noise give the same`);
      }
    } catch (error) {
      problems.push(`model: expected it to run on an input of ${shape.join(" × ")} but ${reasonOf(error)}`);
    }
  }
}

async function runOn(
  runtime: OnnxRuntime,
  session: Session,
  manifest: BackboneManifest,
  shape: readonly [number, number, number, number],
  data: Float32Array,
  problems: string[],
): Promise<Maps> {
  const [count, , height, width] = shape;
  const names = manifest.outputs.map((output) => output.name);
  const found = await session.run({ [manifest.input.name]: new runtime.Tensor("float32", data, shape) }, names);
  const maps: Record<string, Float32Array> = {};
  for (const { name, channels, stride } of manifest.outputs) {
    const tensor = found[name];
    const expected = [count, channels, height / stride, width / stride].join(" × ");
    const actual = tensor === undefined ? "nothing" : tensor.dims.join(" × ");
    if (tensor?.data instanceof Float32Array && actual === expected) maps[name] = tensor.data;
    else
      problems.push(
        `${name}: expected float32 ${expected} for an input of ${shape.join(" × ")} (channels ${channels}, stride ${stride} in the manifest) but got ${tensor?.type ?? ""} ${actual}`,
      );
  }
  return maps;
}

/** Values from −2 to 2, the same on every machine (the linear congruential generator of Numerical Recipes). */
function noise(length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 4 - 2;
  });
}
