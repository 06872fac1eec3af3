import { BugError } from "../shared/errors.ts";
import type { Matrix } from "./matrix.ts";
import { seededRandom, type Random } from "./random.ts";

/** What the distances of the greedy choice are taken in; each kind says which program has it. */
export type ProjectionRule =
  | { readonly kind: "none" }
  /** Dense, independent Gaussian entries (PatchCore, section 3.2). */
  | { readonly kind: "gaussian"; readonly dims: number }
  /** A linear layer as torch initialises it (amazon-science/patchcore-inspection): uniform within ±1/√D. */
  | { readonly kind: "linear-untrained"; readonly dims: number }
  /** scikit-learn's SparseRandomProjection with a distortion eps (the code of the CLIP reproduction). */
  | { readonly kind: "sparse"; readonly eps: number };

/**
 * Dimensions that keep all distances of `rows` points within a factor of 1 ± eps (Johnson and Lindenstrauss;
 * Dasgupta and Gupta 2003), as scikit-learn's `johnson_lindenstrauss_min_dim` rounds it: down.
 */
export function distortionDims(rows: number, eps: number): number {
  return Math.max(1, Math.floor((4 * Math.log(rows)) / ((eps * eps) / 2 - (eps * eps * eps) / 3)));
}

/** @returns dimensions that the distances are taken in; `dims` itself where a projection would not reduce them */
export function projectedDims(rule: ProjectionRule, dims: number, rows: number): number {
  switch (rule.kind) {
    case "none":
      return dims;
    case "gaussian":
    case "linear-untrained":
      return Math.min(dims, rule.dims);
    case "sparse":
      return Math.min(dims, distortionDims(rows, rule.eps));
    default:
      return rule satisfies never;
  }
}

/**
 * A seeded random projection. Entries are drawn output by output and rounded to float32, so that the last bit of a
 * logarithm cannot change them.
 *
 * @param dims D, of a patch embedding
 * @param rows N, nominal patches; the sparse rule depends on it
 * @param seed as `seededRandom`
 * @returns [outputs, D]; null where nothing is projected: projecting to as many dimensions or more would only add
 *   noise to the distances
 */
export function projectionMatrix(rule: ProjectionRule, dims: number, rows: number, seed: number): Matrix | null {
  const outputs = projectedDims(rule, dims, rows);
  if (!Number.isInteger(dims) || !Number.isInteger(outputs) || dims < 1 || outputs < 1) {
    const received = `${dims} → ${outputs}`;
    throw new BugError("projection-shape", `Expected positive dimensions of a projection but received ${received}`);
  }
  if (rule.kind === "none" || outputs >= dims) return null;
  const draw = entryOf(rule.kind, dims, outputs, seededRandom(seed));
  return { rows: outputs, dims, data: Float32Array.from({ length: outputs * dims }, draw) };
}

/** @returns what draws one entry */
function entryOf(
  kind: Exclude<ProjectionRule["kind"], "none">,
  dims: number,
  outputs: number,
  random: Random,
): () => number {
  switch (kind) {
    case "gaussian": {
      // Variance 1 / outputs keeps squared distances in expectation.
      const deviation = 1 / Math.sqrt(outputs);
      return () => random.gaussian() * deviation;
    }
    case "linear-untrained": {
      const bound = 1 / Math.sqrt(dims);
      return () => (2 * random.uniform() - 1) * bound;
    }
    case "sparse": {
      // Density 1/√D, entries ±√(1 / density) / √outputs (Li, Hastie and Church 2006).
      const density = 1 / Math.sqrt(dims);
      const value = Math.sqrt(1 / density / outputs);
      return () => {
        const drawn = random.uniform();
        return drawn >= density ? 0 : drawn < density / 2 ? value : -value;
      };
    }
    default:
      return kind satisfies never;
  }
}
