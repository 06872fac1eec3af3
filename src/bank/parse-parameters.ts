import type { BankParameters } from "./manifest.ts";
import { above, arrayOf, byKinds, integer, literal, object, orNull, text } from "./shape.ts";
import type { Problem, Shape } from "./shape.ts";

/** Bounds far beyond any real bank, so that no product of two of them leaves the safe integers. */
export const MOST_ROWS = 2 ** 26;
export const MOST_DIMS = 2 ** 14;
export const LONGEST_SIDE = 2 ** 15;

/** More neighbours than this say nothing of a patch's surroundings any more. */
const MOST_NEIGHBOURS = 1024;
/** The search for the k nearest keeps k and a few more candidates of every patch. */
const MOST_SCORED_NEIGHBOURS = 64;

export const label = text(/^[0-9A-Za-z._-]{1,64}$/, "1 to 64 characters from [0-9A-Za-z._-]");
const preset = literal("edge", "reference", "paper", "reproduction");
const side = integer(1, LONGEST_SIDE);
const kernel = literal("linear", "bicubic");
const size = literal(1, 3, 5);

/** The shape of a bank's parameters; what must agree between them is `parameterProblems`. */
export const parametersShape: Shape<BankParameters> = object({
  preset: literal("edge", "reference", "paper", "reproduction", "custom"),
  basis: preset,
  region: orNull(object({ x: integer(0, LONGEST_SIDE), y: integer(0, LONGEST_SIDE), width: side, height: side })),
  rotation: literal(0, 90, 180, 270),
  resize: byKinds("mode", {
    stretch: object({ mode: literal("stretch"), width: side, height: side, kernel }),
    crop: object({ mode: literal("crop"), shorterSide: side, width: side, height: side, kernel }),
  }),
  layers: arrayOf(label, 1, 8),
  neighbourhood: byKinds("kind", {
    average: object({ kind: literal("average"), size, padding: literal("zeros", "none") }),
    unfold: object({ kind: literal("unfold"), size }),
  }),
  join: byKinds("kind", {
    concat: object({ kind: literal("concat"), stretch: literal("bilinear", "adaptive-pooling") }),
    adaptive: object({
      kind: literal("adaptive"),
      layerDims: integer(1, MOST_DIMS),
      dims: integer(1, MOST_DIMS),
    }),
  }),
  detail: orNull(object({ share: above(0, 1), exponent: above(0, 1), shrinkage: above(0, 1) })),
  coreset: object({
    method: literal("greedy-k-center", "random"),
    seed: integer(0, 2 ** 32 - 1),
    projection: byKinds("kind", {
      none: object({ kind: literal("none") }),
      gaussian: object({ kind: literal("gaussian"), dims: integer(1, MOST_DIMS) }),
      "linear-untrained": object({ kind: literal("linear-untrained"), dims: integer(1, MOST_DIMS) }),
      // The bound of Johnson and Lindenstrauss holds for a distortion below 1.
      sparse: object({ kind: literal("sparse"), eps: above(0, 0.99) }),
    }),
    start: literal("farthest-from-mean", "mean-distance-to-10-random", "first-row"),
    budget: byKinds("kind", {
      ratio: object({ kind: literal("ratio"), ratio: above(0, 1) }),
      rows: object({ kind: literal("rows"), rows: integer(1, MOST_ROWS) }),
      bytes: object({ kind: literal("bytes"), bytes: integer(1, Number.MAX_SAFE_INTEGER) }),
    }),
  }),
  patchScore: byKinds("kind", {
    euclidean: object({ kind: literal("euclidean") }),
    "mean-squared": object({ kind: literal("mean-squared"), neighbours: integer(1, MOST_SCORED_NEIGHBOURS) }),
  }),
  imageScore: byKinds("kind", {
    maximum: object({ kind: literal("maximum") }),
    reweighted: object({ kind: literal("reweighted"), neighbours: integer(2, MOST_NEIGHBOURS) }),
    "reweighted-reproduction": object({
      kind: literal("reweighted-reproduction"),
      neighbours: integer(2, MOST_NEIGHBOURS),
    }),
  }),
  map: object({
    upsample: literal("bilinear"),
    smoothing: byKinds("kind", {
      gaussian: object({ kind: literal("gaussian"), sigma: above(0, 1000), radius: integer(1, 4000) }),
      "gaussian-8bit": object({ kind: literal("gaussian-8bit"), sigma: above(0, 1000) }),
    }),
  }),
});

/** What must agree between parameters that each have their shape. @param path of the parameters, for the problems */
export function parameterProblems(parameters: BankParameters, path = "parameters"): Problem[] {
  const problems: Problem[] = [];
  const add = (key: string, expected: string, actual: string): void =>
    void problems.push({ path: `${path}.${key}`, expected, actual });
  const { layers, resize, neighbourhood, join, detail, patchScore, imageScore } = parameters;
  if (new Set(layers).size !== layers.length) add("layers", "different layers", JSON.stringify(layers));
  if (resize.mode === "crop" && resize.shorterSide < Math.max(resize.width, resize.height)) {
    add("resize.shorterSide", `at least ${Math.max(resize.width, resize.height)}, the crop`, `${resize.shorterSide}`);
  }
  if (neighbourhood.kind === "unfold" && join.kind !== "adaptive") {
    add("join.kind", '"adaptive" for the neighbourhood "unfold"', JSON.stringify(join.kind));
  }
  if (neighbourhood.kind === "average" && neighbourhood.padding === "none") {
    const restores = join.kind === "concat" && join.stretch === "adaptive-pooling";
    const expected = 'concat with stretch "adaptive-pooling" for a neighbourhood without padding';
    if (!restores) add("join", expected, JSON.stringify(join));
  }
  const isPlain = neighbourhood.kind === "average" && neighbourhood.size === 3 && neighbourhood.padding === "zeros";
  const isConcat = join.kind === "concat" && join.stretch === "bilinear";
  if (detail !== null && !(isPlain && isConcat)) {
    const expected =
      "null for any neighbourhood but the padded average over 3 × 3 and any join but the bilinear concat";
    add("detail", expected, JSON.stringify(detail));
  }
  if (patchScore.kind !== "euclidean" && imageScore.kind !== "maximum") {
    add("imageScore.kind", `"maximum" for patch scores "${patchScore.kind}"`, JSON.stringify(imageScore.kind));
  }
  return problems;
}
