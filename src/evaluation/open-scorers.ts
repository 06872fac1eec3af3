import type { Bank } from "../bank/bundle-read.ts";
import type { BackboneFiles } from "../backbone/manifest.ts";
import { FrameScorer, type ScorerOverrides } from "../inference/frame-scorer.ts";
import type { InferenceSettings } from "../inference/protocol.ts";
import { SEARCH_KINDS } from "./approximation.ts";
import type { SearchKind } from "./evaluation.ts";

/** Whoever opens them closes them. */
export class OpenScorers {
  /** Scores as the bank and the overrides say. */
  readonly scorer: FrameScorer;
  /** One a search; null when they were not asked for. */
  readonly bySearch: Readonly<Record<SearchKind, FrameScorer>> | null;
  readonly #all: readonly FrameScorer[];

  private constructor(scorer: FrameScorer, bySearch: Readonly<Record<SearchKind, FrameScorer>> | null) {
    this.scorer = scorer;
    this.bySearch = bySearch;
    this.#all = [scorer, ...(bySearch === null ? [] : SEARCH_KINDS.map((kind) => bySearch[kind]))];
  }

  /**
   * @param everySearch whether to open the bank with every kind of search too; each takes a session of its own
   * @throws InputError when backbone and bank do not fit each other
   */
  static async open(
    bank: Bank,
    backbone: BackboneFiles,
    settings: InferenceSettings,
    overrides: ScorerOverrides,
    everySearch: boolean,
  ): Promise<OpenScorers> {
    const opened: FrameScorer[] = [];
    const open = async (more: ScorerOverrides): Promise<FrameScorer> => {
      const scorer = await FrameScorer.create(bank, backbone, settings, { ...overrides, ...more });
      opened.push(scorer);
      await scorer.learnBounds();
      return scorer;
    };
    try {
      const scorer = await open({});
      if (!everySearch) return await OpenScorers.#warm(new OpenScorers(scorer, null));
      const float32 = await open({ index: "float32" });
      const exact = await open({ index: "exact" });
      const hnsw = await open({ index: "hnsw" });
      return await OpenScorers.#warm(new OpenScorers(scorer, { float32, exact, hnsw }));
    } catch (error) {
      for (const scorer of opened) await scorer.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const scorer of this.#all) await scorer.close();
  }

  /** First runs are slow; they would stand in the latencies as outliers that no station sees. */
  static async #warm(scorers: OpenScorers): Promise<OpenScorers> {
    for (const scorer of scorers.#all) await scorer.warmUp();
    return scorers;
  }
}
