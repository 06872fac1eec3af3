import type { Bank } from "../bank/bundle-read.ts";
import { asMatrix } from "../patchcore/matrix.ts";
import { neighboursOf } from "../patchcore/scores.ts";
import { chooseIndex } from "../search/choose-index.ts";
import { ExactFloat32 } from "../search/exact-float32.ts";
import { ExactInt8 } from "../search/exact-int8.ts";
import { buildHnsw, DEFAULT_HNSW, Hnsw } from "../search/hnsw.ts";
import type { BankIndex, SearchOptions } from "../search/nearest-neighbours.ts";

/** `float32` is the measure of the others, for evaluations. */
export type WantedIndex = "auto" | "exact" | "hnsw" | "float32";

/**
 * Opens the index of a bank. `auto` is the bank's own wish, and where that is `auto` too, what is faster at the
 * bank's size; `float32` is the measure of the others, for evaluations. A graph that the bank does not carry is built
 * here: the same rows give the same graph. The index gives as many neighbours as the bank's patch score asks for.
 */
export async function openIndex(
  bank: Bank,
  wanted: WantedIndex,
  settings: Omit<SearchOptions, "neighbours">,
): Promise<BankIndex> {
  const { manifest } = bank;
  const options = { ...settings, neighbours: neighboursOf(manifest.parameters.patchScore) };
  const rows = asMatrix(bank.rows, manifest.rows, manifest.dims);
  const quantised = {
    rows,
    quantiser: { mean: bank.mean, scale: manifest.quantiser.scale },
    quantised: bank.quantised,
  };
  if (wanted === "float32") return ExactFloat32.open(rows, options);
  const ofBank = wanted === "auto" ? manifest.index.kind : wanted;
  const kind = ofBank === "auto" ? chooseIndex(manifest.rows, manifest.dims) : ofBank;
  if (kind === "exact") return ExactInt8.open(quantised, options);
  const parameters = manifest.index.hnsw ?? DEFAULT_HNSW;
  const graph = bank.hnsw ?? (await buildHnsw(bank.quantised, manifest.dims, parameters));
  return Hnsw.open(quantised, graph, parameters, options);
}
