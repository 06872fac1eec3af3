import onnxProto, { type onnx } from "onnx-proto";
import { createHash } from "node:crypto";
import type { InferenceSession } from "onnxruntime-node";
import { BugError, InputError, reasonOf } from "../shared/errors.ts";
import type { RawImage } from "../shared/image.ts";
import type { OnnxRuntime } from "../shared/onnxruntime.ts";
import { Extremes, Histogram, type RangeMethod } from "./int8-ranges.ts";
import type { Range } from "./int8-scales.ts";
import type { BackboneManifest } from "./manifest.ts";

/** Gives the same pictures in the same order each time that it is called; RGB, decoded one at a time. */
export type PictureSource = () => AsyncIterable<RawImage>;

export interface CalibrationOptions {
  readonly manifest: BackboneManifest;
  readonly images: PictureSource;
  readonly method: RangeMethod;
  readonly threads: number;
  readonly signal: AbortSignal;
}

export interface MeasuredRanges {
  readonly ranges: ReadonlyMap<string, Range>;
  readonly images: number;
  /** Over all pictures in order. */
  readonly sha256: string;
}

/** Takes one value of the network on one picture. */
type Look = (name: string, values: Float32Array) => void;

/**
 * Runs the float network on nominal pictures and measures the range of some of its values.
 *
 * @param names of the values
 * @throws InputError "no-images" without pictures, "bad-model" when a value is not finite; the signal's reason
 */
export async function measureRanges(
  runtime: OnnxRuntime,
  model: onnx.ModelProto,
  names: readonly string[],
  options: CalibrationOptions,
): Promise<MeasuredRanges> {
  const output = names.map((name) => ({ name }));
  const watched = onnxProto.onnx.ModelProto.encode({ ...model, graph: { ...model.graph, output } }).finish();
  const session = await openFloatSession(runtime, watched, { intraOpNumThreads: options.threads });
  try {
    const hash = createHash("sha256");
    const extremes = new Map(names.map((name) => [name, new Extremes()]));
    let images = 0;
    const first = (data: Uint8Array): void => {
      hash.update(data);
      images++;
    };
    await pass(runtime, session, names, options, (name, values) => extremes.get(name)?.add(values, name), first);
    if (images === 0) throw new InputError("no-images", "Expected nominal images to measure ranges on but got none");
    const sha256 = hash.digest("hex");
    const { method } = options;
    if (method.kind === "minmax") return { ranges: extremes, images, sha256 };
    const histograms = new Map([...extremes].map(([name, range]) => [name, new Histogram(range)]));
    await pass(runtime, session, names, options, (name, values) => histograms.get(name)?.add(values));
    const ranges = new Map([...histograms].map(([name, one]) => [name, one.central(method.percent)]));
    return { ranges, images, sha256 };
  } finally {
    await session.release();
  }
}

async function pass(
  runtime: OnnxRuntime,
  session: InferenceSession,
  names: readonly string[],
  { images, manifest, signal }: CalibrationOptions,
  look: Look,
  onPicture: (data: Uint8Array) => void = () => undefined,
): Promise<void> {
  for await (const image of images()) {
    signal.throwIfAborted();
    const found = await session.run({ [manifest.input.name]: inputTensor(runtime, image, manifest) });
    for (const name of names) {
      const values = found[name]?.data;
      if (!(values instanceof Float32Array))
        throw new InputError(
          "bad-model",
          `Expected float32 of the network's ${name} but got ${found[name]?.type ?? ""}`,
        );
      look(name, values);
    }
    onPicture(image.data);
  }
}

/** @throws InputError "bad-model" */
export async function openFloatSession(
  runtime: OnnxRuntime,
  model: Uint8Array,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  try {
    return await runtime.InferenceSession.create(model, {
      executionProviders: ["cpu"],
      logSeverityLevel: 3,
      ...options,
    });
  } catch (cause) {
    const text = `Expected an ONNX model that ONNX Runtime can load but ${reasonOf(cause)}`;
    throw new InputError("bad-model", text, { cause });
  }
}

/** uint8 RGB [H, W, 3] → float32 [1, 3, H, W] in the network's colour order, (x − mean) / std. */
function inputTensor(runtime: OnnxRuntime, { data, width, height }: RawImage, { input }: BackboneManifest) {
  const area = width * height;
  if (data.length !== 3 * area)
    throw new BugError("bad-frame-length", `Expected ${3 * area} bytes of an RGB picture but got ${data.length}`);
  const values = new Float32Array(3 * area);
  for (let channel = 0; channel < 3; channel++) {
    const from = input.colourOrder === "RGB" ? channel : 2 - channel;
    const [mean, std] = [input.mean[channel] ?? 0, input.std[channel] ?? 1];
    for (let i = 0; i < area; i++) values[channel * area + i] = ((data[3 * i + from] ?? 0) - mean) / std;
  }
  return new runtime.Tensor("float32", values, [1, 3, height, width]);
}
