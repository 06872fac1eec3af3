import { createHash } from "node:crypto";
import { EmbeddingSession, type EmbeddingOptions } from "../backbone/embedding-session.ts";
import type { Bank } from "../bank/bundle-read.ts";
import type { NearestNeighbours } from "../search/nearest-neighbours.ts";
import { openIndex, type WantedIndex } from "./open-index.ts";
import type { InferenceSettings } from "./protocol.ts";
import { SharedPool, type Lease } from "./shared-pool.ts";

/** The index of a bank, with the arrays that it holds: whoever shares it needs no copy of them. */
export interface SharedIndex {
  readonly neighbours: NearestNeighbours;
  readonly arrays: Pick<Bank, "rows" | "quantised" | "mean" | "hnsw">;
  close(): Promise<void>;
}

/**
 * What the stations of one inference process share: a session for each backbone and recipe of the embedding, an index for each
 * memory bank. Frames are scored one at a time, so neither is ever used by two at once.
 */
export class ScorerPools {
  readonly #sessions = new SharedPool<EmbeddingSession>();
  readonly #indexes = new SharedPool<SharedIndex>();

  get sessions(): number {
    return this.#sessions.size;
  }

  get indexes(): number {
    return this.#indexes.size;
  }

  /** @throws the errors of `EmbeddingSession.create` */
  session(options: EmbeddingOptions): Promise<Lease<EmbeddingSession>> {
    const { model: _bytes, manifest, detail, ...rest } = options;
    const key = digestOf({ ...rest, manifest, detail: detail ? digestOfFloats(detail) : null });
    return this.#sessions.lease(key, () => EmbeddingSession.create(options));
  }

  /** @throws the errors of `openIndex` */
  index(
    bank: Bank,
    wanted: WantedIndex,
    settings: Pick<InferenceSettings, "threads" | "spinning">,
  ): Promise<Lease<SharedIndex>> {
    // Whoever changes the threshold of a bank leaves its rows alone: those decide, not the bank's id.
    const { files, quantiser, index, rows, dims, grid, parameters } = bank.manifest;
    const { patchScore } = parameters;
    const { threads, spinning } = settings;
    const key = digestOf({ files, quantiser, index, rows, dims, grid, patchScore, wanted, threads, spinning });
    return this.#indexes.lease(key, async () => {
      const neighbours = await openIndex(bank, wanted, { threads, spinning });
      const { quantised, mean, hnsw } = bank;
      return {
        neighbours,
        arrays: { rows: neighbours.rows.data, quantised, mean, hnsw },
        close: () => neighbours.close(),
      };
    });
  }
}

function digestOf(value: object): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

function digestOfFloats(values: Float32Array): string {
  return createHash("sha256")
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest("hex");
}
