import { basename } from "node:path";
import { decodeImageFile } from "../backbone/decode.ts";
import type { BackboneFiles } from "../backbone/manifest.ts";
import { FramePreparer } from "../backbone/prepare.ts";
import { readBank } from "../bank/bundle-read.ts";
import { writeBank } from "../bank/bundle-write.ts";
import type { WrittenBank } from "../bank/bundle-write.ts";
import type { GoldenFrame } from "../bank/manifest.ts";
import { FrameScorer } from "../inference/frame-scorer.ts";
import { InputError } from "../shared/errors.ts";
import { evenlySpread } from "../shared/evenly-spread.ts";
import type { RawImage } from "../shared/image.ts";

export interface GoldenOptions {
  /** The bank that gets the frames; it is replaced. */
  readonly bank: string;
  readonly backbone: BackboneFiles;
  readonly nominal: readonly string[];
  /** Pictures that must FAIL. */
  readonly knownBad: readonly string[];
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** So many nominal images are scored, evenly spread, to choose from. */
const MOST_LOOKED_AT = 24;
const MOST_KNOWN_BAD = 4;

interface Candidate extends GoldenFrame {
  readonly prepared: RawImage;
}

/**
 * Chooses golden frames and puts them into the bank: of the nominal images that pass the least, the middle and the most
 * anomalous one, and the known-bad ones with the highest scores. Every device scores them before it works with the bank.
 *
 * @throws InputError "known-bad-passes" when a known-bad picture would PASS; the signal's reason
 */
export async function addGoldenFrames(options: GoldenOptions): Promise<WrittenBank> {
  const bank = await readBank(options.bank);
  const settings = { threads: options.threads, spinning: false, provider: "cpu" } as const;
  const scorer = await FrameScorer.create(bank, options.backbone, settings, { index: "exact" });
  try {
    const nominal = await scoreAll(scorer, evenlySpread(options.nominal, MOST_LOOKED_AT), options.signal, false);
    const knownBad = await scoreAll(scorer, options.knownBad, options.signal, true);
    const passing = knownBad.filter(({ expect }) => expect === "PASS");
    if (passing.length > 0) {
      const list = passing.map(({ name, score }) => `${name} (${score.toFixed(3)})`).join(", ");
      const text = `Expected every known-bad picture above the threshold ${scorer.threshold.toFixed(3)} but received ${list}`;
      throw new InputError("known-bad-passes", text, { context: { bank: bank.bankId } });
    }
    const good = nominal.filter(({ expect }) => expect === "PASS").sort(byScore);
    const chosen = [...threeOf(good), ...knownBad.sort(byScore).slice(-MOST_KNOWN_BAD)];
    const { format: _f, formatVersion: _v, files: _files, ...manifest } = bank.manifest;
    const { width, height } = manifest.parameters.resize;
    const frames = chosen.map(({ name, knownBad, expect, score }) => ({ name, knownBad, expect, score }));
    const isEmpty = chosen.length === 0;
    return await writeBank(
      options.bank,
      {
        ...bank,
        manifest: { ...manifest, golden: isEmpty ? null : { width, height, frames } },
        golden: isEmpty ? null : Buffer.concat(chosen.map(({ prepared }) => prepared.data)),
      },
      options.signal,
    );
  } finally {
    await scorer.close();
  }
}

async function scoreAll(
  scorer: FrameScorer,
  files: readonly string[],
  signal: AbortSignal,
  knownBad: boolean,
): Promise<Candidate[]> {
  const preparer = new FramePreparer(scorer.bank.manifest.parameters);
  const candidates: Candidate[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    try {
      const prepared = preparer.prepare(await decodeImageFile(file));
      const { score } = await scorer.scorePrepared(prepared);
      const expect = score > scorer.threshold ? "FAIL" : "PASS";
      candidates.push({ name: basename(file), knownBad, expect, score, prepared });
    } catch (error) {
      // The fit has told of broken nominal images already, and was allowed to skip them.
      if (!(error instanceof InputError) || knownBad) throw error;
    }
  }
  return candidates;
}

function byScore(a: GoldenFrame, b: GoldenFrame): number {
  return a.score - b.score;
}

function threeOf(sorted: readonly Candidate[]): Candidate[] {
  const places = new Set([0, Math.floor((sorted.length - 1) / 2), sorted.length - 1]);
  return [...places].flatMap((place) => sorted[place] ?? []);
}
