import { InputError } from "../shared/errors.ts";
import type { BankManifest } from "./manifest.ts";
import { BANK_NAME, LONGEST_BANK_NAME } from "./bank-id.ts";
import { arrayEntries, HNSW_ENTRY, LARGEST_ARRAY_BYTES } from "./entries.ts";
import { label, LONGEST_SIDE, MOST_DIMS, MOST_ROWS, parameterProblems, parametersShape } from "./parse-parameters.ts";
import { above, arrayOf, from, integer, literal, object, orNull, recordOf, text } from "./shape.ts";
import type { Problem, Shape } from "./shape.ts";

const MOST_IMAGES = 2 ** 20;

const digest = text(/^[0-9a-f]{64}$/, "64 lower-case hex digits");
const report = object({
  recallAt1: from(0, 1),
  largestScoreError: from(0),
  verdictFlips: integer(0, MOST_IMAGES),
  frames: integer(1, MOST_IMAGES),
});

const frameLimits = object({
  minBrightness: from(0, 255),
  maxSaturated: from(0, 1),
  minSharpness: from(0),
  part: orNull(
    object({
      region: object({
        x: integer(0, LONGEST_SIDE),
        y: integer(0, LONGEST_SIDE),
        width: integer(1, LONGEST_SIDE),
        height: integer(1, LONGEST_SIDE),
      }),
      minimum: from(0, 255),
      maximum: from(0, 255),
    }),
  ),
});
// Scores of rule "reweighted-reproduction" may be below 0.
const scores = arrayOf(from(-Number.MAX_VALUE), 0, MOST_IMAGES);
const interval = object({ low: from(-Number.MAX_VALUE), high: orNull(from(-Number.MAX_VALUE)) });

/** Each is loaded and scored at every start of a device. */
const MOST_GOLDEN_FRAMES = 16;

const goldenSet = object({
  width: integer(1, LONGEST_SIDE),
  height: integer(1, LONGEST_SIDE),
  frames: arrayOf(
    object({
      name: text(/^[^\x00-\x1f]{1,200}$/, "a file's name"),
      knownBad: literal(true, false),
      expect: literal("PASS", "FAIL"),
      score: from(-Number.MAX_VALUE),
    }),
    1,
    MOST_GOLDEN_FRAMES,
  ),
});

const manifestShape: Shape<BankManifest> = object({
  format: literal("nominald-bank"),
  formatVersion: literal(1),
  name: text(BANK_NAME, `1 to ${LONGEST_BANK_NAME} characters from [0-9A-Za-z._-]`),
  createdAt: text(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/, "a time like 2025-01-31T12:00:00.000Z"),
  createdBy: text(/^[\x20-\x7e]{1,100}$/, "1 to 100 printable ASCII characters"),
  parameters: parametersShape,
  backbone: object({ name: label, sha256: digest }),
  grid: object({ rows: integer(1, LONGEST_SIDE), cols: integer(1, LONGEST_SIDE) }),
  rows: integer(1, MOST_ROWS),
  dims: integer(1, MOST_DIMS),
  nominal: object({ images: integer(1, MOST_IMAGES), patches: integer(1, Number.MAX_SAFE_INTEGER), sha256: digest }),
  quantiser: object({ scale: above(0) }),
  index: object({
    kind: literal("auto", "exact", "hnsw"),
    hnsw: orNull(
      object({ connectivity: literal(16), expansionAdd: integer(1, 65536), expansionSearch: integer(1, 65536) }),
    ),
  }),
  calibration: object({
    method: literal("conformal", "pareto-tail", "manual"),
    falseRejectRate: above(0, 1),
    mode: literal("masked", "per-fold"),
    folds: integer(1, MOST_IMAGES),
    bias: orNull(object({ images: integer(1, MOST_IMAGES), medianRatio: from(0) })),
    scores,
    mapMaxima: scores,
    threshold: above(0),
    thresholdInterval: orNull(interval),
    maskThreshold: above(0),
    maskThresholdInterval: orNull(interval),
  }),
  validity: orNull(frameLimits),
  golden: orNull(goldenSet),
  indexReports: object({ exact: orNull(report), hnsw: orNull(report) }),
  files: recordOf(
    text(/^[a-z0-9.-]{1,32}$/, "the name of an array"),
    object({ bytes: integer(1, LARGEST_ARRAY_BYTES), sha256: digest }),
  ),
});

/** What must agree between parts of the manifest; only asked when every part has its shape. */
function crossProblems(manifest: BankManifest): Problem[] {
  const problems: Problem[] = [];
  const { grid, nominal, rows, calibration, files } = manifest;
  const patches = grid.rows * grid.cols * nominal.images;
  if (nominal.patches !== patches) {
    const expected = `${patches} (grid ${grid.rows} × ${grid.cols}, ${nominal.images} images)`;
    problems.push({ path: "nominal.patches", expected, actual: String(nominal.patches) });
  }
  if (rows > nominal.patches) {
    problems.push({ path: "rows", expected: `at most nominal.patches (${nominal.patches})`, actual: String(rows) });
  }
  for (const key of ["scores", "mapMaxima"] as const) {
    const { length } = calibration[key];
    // A threshold that a person chose needs no scores.
    if (length === nominal.images || (length === 0 && calibration.method === "manual")) continue;
    const expected = `${nominal.images} scores, one per nominal image`;
    problems.push({ path: `calibration.${key}`, expected, actual: String(length) });
  }
  const { golden, parameters } = manifest;
  const { width, height } = parameters.resize;
  if (golden !== null && (golden.width !== width || golden.height !== height)) {
    const actual = `${golden.width} × ${golden.height}`;
    problems.push({ path: "golden", expected: `frames of parameters.resize, ${width} × ${height}`, actual });
  }
  return [...problems, ...parameterProblems(manifest.parameters), ...fileProblems(manifest, files)];
}

function fileProblems(manifest: BankManifest, files: BankManifest["files"]): Problem[] {
  const problems: Problem[] = [];
  const expected = arrayEntries(manifest);
  for (const { name, bytes } of expected) {
    const actual = files[name];
    if (actual === undefined) {
      problems.push({ path: `files.${name}`, expected: "size and digest of this array", actual: "nothing" });
    } else if (bytes === null ? actual.bytes > LARGEST_ARRAY_BYTES : actual.bytes !== bytes) {
      const size = `${bytes ?? LARGEST_ARRAY_BYTES} bytes (rows ${manifest.rows}, dims ${manifest.dims})`;
      problems.push({ path: `files.${name}.bytes`, expected: size, actual: String(actual.bytes) });
    }
  }
  for (const name of Object.keys(files)) {
    if (expected.some((entry) => entry.name === name)) continue;
    const why = name === HNSW_ENTRY ? "no such file, as index.hnsw is null" : "no such file";
    problems.push({ path: `files.${name}`, expected: why, actual: "an entry" });
  }
  return problems;
}

/**
 * Checks a manifest as a whole.
 *
 * @param json the manifest's text
 * @param source what it was read from, for messages
 * @throws InputError "bank-version" for a format version that is not ours, else "bank-manifest" listing all problems
 */
export function parseManifest(json: string, source: string): BankManifest {
  const value = parseJson(json, source);
  const version = versionOf(value);
  if (version !== undefined && version !== 1) {
    throw new InputError(
      "bank-version",
      `Expected format version 1 for the bank ${source} but received ${JSON.stringify(version)}: it was made by another nominald`,
    );
  }
  const problems: Problem[] = [];
  if (manifestShape(value, "", problems)) {
    problems.push(...crossProblems(value));
    if (problems.length === 0) return value;
  }
  const lines = problems.map(
    ({ path, expected, actual }) => `  ${path || "document"}: expected ${expected}, received ${actual}`,
  );
  throw new InputError("bank-manifest", `Expected a valid manifest in ${source} but found:\n${lines.join("\n")}`);
}

function parseJson(json: string, source: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return value;
  } catch (cause) {
    throw new InputError("bank-manifest", `Expected JSON as the manifest of ${source} but received something else`, {
      cause,
    });
  }
}

function versionOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return "format" in value && value.format === "nominald-bank" && "formatVersion" in value
    ? value.formatVersion
    : undefined;
}
