import onnxProto, { type onnx } from "onnx-proto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BugError, InputError } from "../shared/errors.ts";
import { loadOnnxRuntime, type OnnxRuntime } from "../shared/onnxruntime.ts";
import { decodeModel, opsetOf } from "./compose.ts";
import { usesExternalData } from "./graph-walk.ts";
import { writeInt8 } from "./int8-graph.ts";
import { planInt8, refuseQuantised, type Int8Plan } from "./int8-plan.ts";
import { measureRanges, openFloatSession, type PictureSource } from "./int8-calibration.ts";
import type { RangeMethod } from "./int8-ranges.ts";
import { activationScale, type ActivationScale, type Range } from "./int8-scales.ts";
import { sha256Of, type BackboneFiles, type BackboneManifest } from "./manifest.ts";

/** DequantizeLinear takes a scale for each channel since opset 13. */
const OLDEST_OPSET = 13;
const LARGEST_LEVEL = 255;
const NAME_END = ".int8";
const LONGEST_NAME = 64;

export interface QuantiseOptions {
  readonly backbone: Pick<BackboneFiles, "manifest" | "model">;
  /** Nominal pictures as the network will see them: RGB, sides multiples of the backbone's; decoded one at a time. */
  readonly images: PictureSource;
  readonly method: RangeMethod;
  /** 7: reduced range, for processors that add pairs of products in 16 bits. */
  readonly weightBits: 7 | 8;
  readonly threads: number;
  /** Program and version, for the provenance. */
  readonly createdBy: string;
  readonly signal: AbortSignal;
}

export interface QuantisedBackbone {
  readonly model: Uint8Array;
  readonly manifest: BackboneManifest;
  /** Convolutions that compute with integers, of all. */
  readonly convolutions: { readonly integer: number; readonly all: number };
  readonly images: number;
}

/**
 * Static int8 quantisation: weights as symmetric integers with a scale for each output channel, activations as uint8
 * with one scale for each value of the network, measured on nominal images (Jacob et al., arXiv 1712.05877, as QDQ).
 * The input's range is not measured: it follows from mean and std, so that no picture is clipped.
 *
 * @throws InputError "bad-model", "already-quantised", "nothing-to-quantise", "no-images"; the signal's reason
 */
export async function quantiseBackbone(options: QuantiseOptions): Promise<QuantisedBackbone> {
  const { manifest, model } = options.backbone;
  const runtime = await loadOnnxRuntime();
  const opset = checkSource(model, manifest);
  const simplified = await foldConstants(runtime, model);
  const graph = simplified.graph ?? {};
  const plan = planInt8(graph);
  const measured = await measureRanges(runtime, simplified, namesToMeasure(plan, manifest), { ...options, manifest });
  const { ranges, images, sha256 } = measured;
  const scales = scalesOf(plan, ranges, manifest);
  const largestWeight = options.weightBits === 8 ? 127 : 63;
  const written: onnx.IModelProto = {
    irVersion: Number(simplified.irVersion),
    producerName: "nominald",
    opsetImport: [{ domain: "", version: opset }],
    graph: { ...writeInt8(graph, plan, scales, largestWeight), name: manifest.name + NAME_END },
  };
  const bytes = onnxProto.onnx.ModelProto.encode(written).finish();
  const convolutions = (graph.node ?? []).filter((node) => node.opType === "Conv");
  return {
    model: bytes,
    manifest: manifestOf(options, bytes, images, sha256),
    convolutions: { integer: convolutions.filter((node) => plan.nodes.has(node)).length, all: convolutions.length },
    images,
  };
}

/** @returns the opset */
function checkSource(model: Uint8Array, manifest: BackboneManifest): number {
  const context = { context: { backbone: manifest.name } };
  const decoded = decodeModel(model);
  if (usesExternalData(decoded.graph ?? {})) {
    throw new InputError("bad-model", "Expected all weights inside the ONNX file but some lie in other files", context);
  }
  // Before the runtime folds constants, which would hide a quantisation of weights alone.
  refuseQuantised(decoded.graph ?? {});
  const opset = opsetOf(decoded);
  if (opset >= OLDEST_OPSET) return opset;
  const text = `Expected opset ${OLDEST_OPSET} or newer, which has scales per channel, of the model but got ${opset}`;
  throw new InputError("bad-model", text, context);
}

/** ONNX Runtime's own basic optimisation: constants folded, batch normalisation taken into convolutions, ONNX still. */
async function foldConstants(runtime: OnnxRuntime, model: Uint8Array): Promise<onnx.ModelProto> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-int8-"));
  try {
    const optimizedModelFilePath = join(folder, "basic.onnx");
    const session = await openFloatSession(runtime, model, { graphOptimizationLevel: "basic", optimizedModelFilePath });
    await session.release();
    return decodeModel(await readFile(optimizedModelFilePath));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function namesToMeasure(plan: Int8Plan, manifest: BackboneManifest): string[] {
  return [...plan.values].flatMap(([name, { kind }]) =>
    kind === "measured" && name !== manifest.input.name ? [name] : [],
  );
}

function scalesOf(
  plan: Int8Plan,
  ranges: ReadonlyMap<string, Range>,
  manifest: BackboneManifest,
): ReadonlyMap<string, ActivationScale> {
  const scaleOf = (name: string): ActivationScale => {
    const range = plan.values.get(name);
    // A pooling's value may take its range from another pooling's.
    return range?.kind === "same" ? scaleOf(range.as) : activationScale(rangeOf(name, ranges, manifest));
  };
  return new Map([...plan.values.keys()].map((name) => [name, scaleOf(name)]));
}

function rangeOf(name: string, ranges: ReadonlyMap<string, Range>, { input }: BackboneManifest): Range {
  if (name !== input.name) {
    const range = ranges.get(name);
    if (range === undefined) throw new BugError("range-missing", `Expected a range of ${name} but there is none`);
    return range;
  }
  const ends = input.mean.flatMap((mean, channel) => {
    const std = input.std[channel] ?? 1;
    return [(0 - mean) / std, (LARGEST_LEVEL - mean) / std];
  });
  return { low: Math.min(...ends), high: Math.max(...ends) };
}

function manifestOf(
  { backbone, method, weightBits, createdBy }: QuantiseOptions,
  model: Uint8Array,
  images: number,
  sha256: string,
): BackboneManifest {
  const { manifest } = backbone;
  const name = manifest.name.slice(0, LONGEST_NAME - NAME_END.length) + NAME_END;
  const how = method.kind === "minmax" ? "smallest to largest" : `the central ${method.percent} %`;
  const provenance = [
    `int8 of ${manifest.name} (SHA-256 ${manifest.sha256}) by ${createdBy}`,
    `weights of ${weightBits} bits${weightBits === 7 ? " (reduced range)" : ""} with a scale per channel`,
    `activations of 8 bits, ranges from ${how} on ${images} images (SHA-256 of their pixels ${sha256})`,
    `the source: ${manifest.provenance}`,
  ].join("; ");
  return { ...manifest, name, file: `${name}.onnx`, sha256: sha256Of(model), opset: manifest.opset, provenance };
}
