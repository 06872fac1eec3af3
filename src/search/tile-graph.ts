import onnxProto, { type onnx } from "onnx-proto";
import type { Quantiser } from "../patchcore/quantiser.ts";

// A CommonJS package: at run time only its default export exists.
const { AttributeProto, ModelProto, TensorProto } = onnxProto.onnx;
const { DataType } = TensorProto;

/** Version of the ONNX operators that the graphs use, and the file format that goes with it. */
const OPSET = 13;
const IR_VERSION = 7;

const LARGEST_FLOAT32 = 3.4028234663852886e38;

/** The largest integer up to which float32 holds them all. */
const LARGEST_EXACT_FLOAT32 = 2 ** 24;

/** ONNX Runtime's own operators beside the standard. */
const CONTRIBUTED = "com.microsoft";

/** Levels −127 … 127 of the queries, and −128, which `quantise` leaves out, are multiplied as 0 … 255. */
export const UINT8_ZERO = 128;

/** Of a row; a query's may be −128. */
const LARGEST_LEVEL = 127;

/** What the levels are multiplied as: both kinds hold the same numbers, but not every processor multiplies both exactly. */
export type LevelKind = "int8" | "uint8";

/** Consecutive rows of a bank as levels, laid out for a product with queries. */
export interface LevelTile {
  /** Number of its first row in the bank. */
  readonly first: number;
  readonly count: number;
  /** [dims, count], in the bytes of the graph's kind. */
  readonly rows: Uint8Array;
  /** |b|²/2 of each row, rounded up, [count]. */
  readonly squares: Int32Array;
}

/**
 * One tile of an exact search in float32: the `top` rows of the tile with the largest key = q·b − |b|²/2, which is
 * (|q|² − |q − b|²)/2 and so falls as the distance grows. |q|² is the same for all rows of a query and left out.
 *
 * Inputs: `queries` [Q, D], `rows` [D, N] (transposed), `squares` [N] = |b|²/2. Outputs: `keys` [Q, top], largest first,
 * and `places` [Q, top], int32; of equal keys the lower place comes first.
 */
export function tileGraph(top: number): Uint8Array {
  const { FLOAT } = DataType;
  return encode({
    name: "nearest-float32",
    node: [
      node("MatMul", ["queries", "rows"], ["products"]),
      node("Sub", ["products", "squares"], ["all-keys"]),
      node("TopK", ["all-keys", "top"], ["keys", "places64"]),
      node("Cast", ["places64"], ["places"], [TO_INT32]),
    ],
    initializer: [integers("top", [top])],
    input: [value("queries", FLOAT), value("rows", FLOAT), value("squares", FLOAT)],
    output: [value("keys", FLOAT), value("places", DataType.INT32)],
  });
}

/**
 * A whole exact search over levels: every tile as in `tileGraph`, then the best of all tiles. The rows are constants of the
 * graph, so ONNX Runtime lays them out for its product once, when the session opens, and not in every run (784 × 2,500 ×
 * 152: 4.8 → 3.5 ms of processor time).
 *
 * Input: `queries` [Q, D], float32; the graph makes levels of them as `quantise` does, but for values that lie exactly
 * between two levels, which matter to no candidate. Outputs: `keys` [Q, top], float32 or int32, largest first, and `rows`
 * [Q, top], int32, their numbers in the bank; of equal keys the lower row comes first.
 *
 * Levels are multiplied in integers, so keys are exact, but for the half that an odd |b|² loses: |key| is at most
 * (128 · 127 + 127²/2) · D, which fits 32 bits up to D = 88,000. Up to D = 689 float32 holds it as well, and the product itself takes
 * the squares off as it writes its sums, where a pass of its own costs a tenth to a fifth of the search; with more dimensions the
 * product outweighs that pass. ONNX Runtime multiplies u8 × s8 by an instruction that saturates
 * on x86 processors without VNNI; u8 × u8 is exact on all, at half the speed (784 × 2,500 × 384: 14.6 → 7.3 ms of
 * processor time); s8 × s8 is slower still.
 *
 * @param quantiser of the rows' levels
 * @param tiles in ascending order, none with fewer rows than `top`
 */
export function levelGraph(
  kind: LevelKind,
  { mean, scale }: Quantiser,
  tiles: readonly LevelTile[],
  top: number,
): Uint8Array {
  const dims = mean.length;
  const isFloat = (UINT8_ZERO * LARGEST_LEVEL + LARGEST_LEVEL ** 2 / 2) * dims <= LARGEST_EXACT_FLOAT32;
  const keyType = isFloat ? DataType.FLOAT : DataType.INT32;
  const rowType = kind === "int8" ? DataType.INT8 : DataType.UINT8;
  const nodes: onnx.INodeProto[] = [
    node("Sub", ["queries", "mean"], ["deviations"]),
    node("Mul", ["deviations", "scale"], ["scaled"]),
    node("QuantizeLinear", ["scaled", "one", "query-zero"], ["levels"]),
  ];
  const constants: onnx.ITensorProto[] = [
    { name: "mean", dims: [dims], dataType: DataType.FLOAT, rawData: bytesOf(mean) },
    { name: "scale", dims: [], dataType: DataType.FLOAT, floatData: [Math.min(scale, LARGEST_FLOAT32)] },
    { name: "one", dims: [], dataType: DataType.FLOAT, floatData: [1] },
    scalar("query-zero", DataType.UINT8, UINT8_ZERO),
    scalar("row-zero", rowType, kind === "int8" ? 0 : UINT8_ZERO),
    integers("top", [top]),
  ];
  tiles.forEach(({ first, count, rows, squares }, t) => {
    const of = (name: string): string => `${name}-${t}`;
    constants.push(
      { name: of("rows"), dims: [dims, count], dataType: rowType, rawData: rows },
      isFloat
        ? {
            name: of("offsets"),
            dims: [count],
            dataType: keyType,
            rawData: bytesOf(Float32Array.from(squares, (x) => -x)),
          }
        : { name: of("squares"), dims: [count], dataType: keyType, rawData: bytesOf(squares) },
      integers(of("first"), [first]),
    );
    const operands = ["levels", of("rows")];
    const zeros = ["query-zero", "row-zero"];
    if (isFloat) {
      const inputs = [...operands, "one", "one", ...zeros, of("offsets")];
      nodes.push(node("MatMulIntegerToFloat", inputs, [of("all-keys")], [], CONTRIBUTED));
    } else {
      nodes.push(
        node("MatMulInteger", [...operands, ...zeros], [of("products")]),
        node("Sub", [of("products"), of("squares")], [of("all-keys")]),
      );
    }
    nodes.push(
      node("TopK", [of("all-keys"), "top"], [of("keys"), of("places")]),
      node("Add", [of("places"), of("first")], [of("numbers")]),
    );
  });
  const names = (name: string): string[] => tiles.map((_, t) => `${name}-${t}`);
  nodes.push(
    node("Concat", names("keys"), ["best-keys"], [ALONG_COLUMNS]),
    node("Concat", names("numbers"), ["best-numbers"], [ALONG_COLUMNS]),
    node("TopK", ["best-keys", "top"], ["keys", "columns"]),
    node("GatherElements", ["best-numbers", "columns"], ["rows64"], [ALONG_COLUMNS]),
    node("Cast", ["rows64"], ["rows"], [TO_INT32]),
  );
  return encode({
    name: `nearest-${kind}`,
    node: nodes,
    initializer: constants,
    input: [value("queries", DataType.FLOAT)],
    output: [value("keys", keyType), value("rows", DataType.INT32)],
  });
}

const TO_INT32 = { name: "to", type: AttributeProto.AttributeType.INT, i: DataType.INT32 };
const ALONG_COLUMNS = { name: "axis", type: AttributeProto.AttributeType.INT, i: 1 };

function encode(graph: onnx.IGraphProto): Uint8Array {
  const model = ModelProto.create({
    irVersion: IR_VERSION,
    opsetImport: [
      { domain: "", version: OPSET },
      { domain: CONTRIBUTED, version: 1 },
    ],
    producerName: "nominald",
    graph,
  });
  return ModelProto.encode(model).finish();
}

function node(
  opType: string,
  input: string[],
  output: string[],
  attribute: onnx.IAttributeProto[] = [],
  domain = "",
): onnx.INodeProto {
  return { opType, domain, name: `${opType}-${output[0]!}`, input, output, attribute };
}

function value(name: string, elemType: number): onnx.IValueInfoProto {
  return { name, type: { tensorType: { elemType } } };
}

function scalar(name: string, dataType: number, number: number): onnx.ITensorProto {
  return { name, dims: [], dataType, int32Data: [number] };
}

function integers(name: string, int64Data: number[]): onnx.ITensorProto {
  return { name, dims: [int64Data.length], dataType: DataType.INT64, int64Data };
}

/** ONNX keeps numbers little-endian, as the machines do that nominald runs on. */
function bytesOf(numbers: Int32Array | Float32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
