import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError, reasonOf } from "../shared/errors.ts";
import { Problems } from "./problems.ts";

/** No layer of a known network is wider or coarser; larger numbers are slips of the pen. */
const LARGEST_CHANNELS = 65536;
const LARGEST_STRIDE = 256;
const LARGEST_MULTIPLE = 1024;
const MOST_OUTPUTS = 64;
const LARGEST_SIDE = 4096;

/** One feature map that the backbone gives out. */
export interface BackboneOutput {
  readonly name: string;
  readonly channels: number;
  /** Pixels of the input per cell of the map, in both directions. */
  readonly stride: number;
}

/** The shorter side is resized to `shorterSide` pixels, then the middle `width` × `height` is cut out. */
export interface PreferredInput {
  readonly shorterSide: number;
  readonly width: number;
  readonly height: number;
  readonly kernel: "linear" | "bicubic";
}

/** What `manifest.json` beside an ONNX file says of it. */
export interface BackboneManifest {
  readonly format: "nominald-backbone";
  readonly formatVersion: 1;
  /** `[a-z0-9._-]{1,64}` */
  readonly name: string;
  /** The ONNX file's name, in the manifest's folder. */
  readonly file: string;
  /** Of the ONNX file, lower-case hex. */
  readonly sha256: string;
  /** Of the default ONNX domain. */
  readonly opset: number;
  readonly input: {
    readonly name: string;
    readonly layout: "NCHW";
    readonly dtype: "float32";
    readonly colourOrder: "RGB" | "BGR";
    /** Height and width must be multiples of this; it is itself a multiple of every stride. */
    readonly multiple: number;
    /** The range of pixel values that `mean` and `std` are meant for: x = (pixel − mean) / std. */
    readonly range: "0-255";
    /** Per channel, in the network's colour order. */
    readonly mean: readonly [number, number, number];
    readonly std: readonly [number, number, number];
    /** What the network was trained on and published figures were taken with; a bank may choose otherwise. */
    readonly preferred?: PreferredInput;
  };
  readonly outputs: readonly BackboneOutput[];
  /** SPDX identifier or free text. */
  readonly licence: string;
  readonly provenance: string;
}

/** A backbone as it lies on disk, its bytes proven to be those that the manifest names. */
export interface BackboneFiles {
  readonly manifest: BackboneManifest;
  readonly manifestPath: string;
  readonly modelPath: string;
  /** The ONNX file. */
  readonly model: Uint8Array;
}

/**
 * @param text the content of a manifest.json
 * @param path its path, for the message
 * @throws InputError "bad-manifest" that lists every problem with its path, what was expected and what came
 */
export function parseManifest(text: string, path: string): BackboneManifest {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new InputError("bad-manifest", `Expected JSON in ${path} but ${reasonOf(error)}`, { cause: error });
  }
  const problems = new Problems();
  const manifest = readDocument(document, problems);
  if (problems.lines.length > 0) {
    throw new InputError(
      "bad-manifest",
      `Expected a backbone manifest in ${path} but found:\n  ${problems.lines.join("\n  ")}`,
    );
  }
  return manifest;
}

const KEYS = [
  "format",
  "formatVersion",
  "name",
  "file",
  "sha256",
  "opset",
  "input",
  "outputs",
  "licence",
  "provenance",
];

function readDocument(document: unknown, problems: Problems): BackboneManifest {
  const fields = problems.fields(document, "", KEYS);
  const input = readInput(fields["input"], problems);
  return {
    format: problems.oneOf(fields["format"], "format", "nominald-backbone"),
    formatVersion: problems.oneOf(fields["formatVersion"], "formatVersion", 1),
    name: problems.text(fields["name"], "name", "a name of 1 to 64 characters a-z 0-9 . _ -", /^[a-z0-9._-]{1,64}$/),
    // A manifest must not reach out of its folder.
    file: problems.text(
      fields["file"],
      "file",
      "the name of an .onnx file in the same folder",
      /^(?!\.)[^/\\\0]{1,200}\.onnx$/,
    ),
    sha256: problems.text(fields["sha256"], "sha256", "64 lower-case hex digits", /^[0-9a-f]{64}$/),
    opset: problems.integer(fields["opset"], "opset", 1000),
    input,
    outputs: readOutputs(fields["outputs"], input.multiple, problems),
    licence: problems.text(fields["licence"], "licence", "a licence's name", /\S/),
    provenance: problems.text(fields["provenance"], "provenance", "where the weights come from", /\S/),
  };
}

function readInput(value: unknown, problems: Problems): BackboneManifest["input"] {
  const keys = ["name", "layout", "dtype", "colourOrder", "multiple", "range", "mean", "std", "preferred"];
  const fields = problems.fields(value, "input", keys);
  const multiple = problems.integer(fields["multiple"], "input.multiple", LARGEST_MULTIPLE);
  const preferred = readPreferred(fields["preferred"], multiple, problems);
  return {
    name: problems.text(fields["name"], "input.name", "the name of the graph's input", /\S/),
    layout: problems.oneOf(fields["layout"], "input.layout", "NCHW"),
    dtype: problems.oneOf(fields["dtype"], "input.dtype", "float32"),
    colourOrder: problems.oneOf(fields["colourOrder"], "input.colourOrder", "RGB", "BGR"),
    multiple,
    range: problems.oneOf(fields["range"], "input.range", "0-255"),
    mean: problems.triple(
      fields["mean"],
      "input.mean",
      "three numbers in the range 0-255",
      (one) => one >= 0 && one <= 255,
    ),
    std: problems.triple(fields["std"], "input.std", "three numbers above 0, in the range 0-255", (one) => one > 0),
    ...(preferred === undefined ? {} : { preferred }),
  };
}

function readPreferred(value: unknown, multiple: number, problems: Problems): PreferredInput | undefined {
  if (value === undefined) return undefined;
  const path = "input.preferred";
  const fields = problems.fields(value, path, ["shorterSide", "width", "height", "kernel"]);
  const shorterSide = problems.integer(fields["shorterSide"], `${path}.shorterSide`, LARGEST_SIDE);
  const side = (key: "width" | "height"): number => {
    const pixels = problems.integer(fields[key], `${path}.${key}`, LARGEST_SIDE);
    if (pixels % multiple !== 0 || pixels > shorterSide) {
      const expected = `a multiple of input.multiple ${multiple}, at most shorterSide ${shorterSide}`;
      problems.add(`${path}.${key}`, expected, pixels);
    }
    return pixels;
  };
  const kernel = problems.oneOf(fields["kernel"], `${path}.kernel`, "linear", "bicubic");
  return { shorterSide, width: side("width"), height: side("height"), kernel };
}

function readOutputs(value: unknown, multiple: number, problems: Problems): readonly BackboneOutput[] {
  if (!Array.isArray(value) || value.length < 1 || value.length > MOST_OUTPUTS) {
    problems.add("outputs", `1 to ${MOST_OUTPUTS} outputs {name, channels, stride}`, value);
    return [];
  }
  const names = new Set<string>();
  return value.map((one: unknown, index) => {
    const path = `outputs[${index}]`;
    const fields = problems.fields(one, path, ["name", "channels", "stride"]);
    const name = problems.text(fields["name"], `${path}.name`, "the name of a graph's output", /\S/);
    const channels = problems.integer(fields["channels"], `${path}.channels`, LARGEST_CHANNELS);
    const stride = problems.integer(fields["stride"], `${path}.stride`, LARGEST_STRIDE);
    if (name !== "" && names.has(name)) problems.add(`${path}.name`, "a name that no other output has", name);
    names.add(name);
    if (multiple % stride !== 0) problems.add(`${path}.stride`, `a divisor of input.multiple ${multiple}`, stride);
    return { name, channels, stride };
  });
}

/**
 * @returns the manifest, its values checked
 * @throws InputError "unreadable-manifest" or "bad-manifest", the latter with every problem in one message
 */
export async function readManifest(manifestPath: string): Promise<BackboneManifest> {
  let text: string;
  try {
    text = await readFile(manifestPath, "utf8");
  } catch (error) {
    throw new InputError(
      "unreadable-manifest",
      `Expected a backbone manifest in ${manifestPath} but ${reasonOf(error)}`,
      {
        cause: error,
      },
    );
  }
  return parseManifest(text, manifestPath);
}

/** Reads the ONNX file that the manifest names, without comparing its digest. */
export async function readModel(manifestPath: string, manifest: BackboneManifest): Promise<BackboneFiles> {
  const modelPath = join(dirname(manifestPath), manifest.file);
  try {
    return { manifest, manifestPath, modelPath, model: await readFile(modelPath) };
  } catch (error) {
    const text = `Expected the ONNX file of backbone ${manifest.name} in ${modelPath} but ${reasonOf(error)}`;
    throw new InputError("unreadable-model", text, { cause: error });
  }
}

export function sha256Of(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/**
 * @throws InputError "damaged-backbone" when the ONNX file is not the one that the manifest names; the errors of
 *   `readManifest` and "unreadable-model"
 */
export async function loadBackbone(manifestPath: string): Promise<BackboneFiles> {
  const files = await readModel(manifestPath, await readManifest(manifestPath));
  const actual = sha256Of(files.model);
  if (actual !== files.manifest.sha256) {
    throw new InputError(
      "damaged-backbone",
      `Expected SHA-256 ${files.manifest.sha256} of ${files.modelPath} (as its manifest says) but got ${actual}`,
      { context: { backbone: files.manifest.name } },
    );
  }
  return files;
}
