import type { EvaluatedBank, EvaluatedImage, Evaluation } from "./evaluation.ts";

/** An image that two banks judge differently. */
export interface VerdictFlip {
  readonly file: string;
  readonly defect: string | null;
  readonly before: EvaluatedImage["verdict"];
  readonly after: EvaluatedImage["verdict"];
  /** Score over threshold, of each bank; above 1 is a FAIL. */
  readonly relativeBefore: number;
  readonly relativeAfter: number;
  /** Whether the second bank has it right. */
  readonly better: boolean;
}

/** What changes when a second bank judges the images of an evaluation. */
export interface Comparison {
  readonly bank: EvaluatedBank;
  readonly imageAuroc: number | null;
  readonly pixelAuroc: number | null;
  readonly pro: number | null;
  /** Misses and false rejects of the second bank at its own threshold. */
  readonly atThreshold: Evaluation["atThreshold"];
  /** Images that both could judge. */
  readonly images: number;
  /** Wrong verdicts first made, and made good, by the second bank; worse ones first. */
  readonly flips: readonly VerdictFlip[];
}

/** @param before the evaluation of the first bank @param after that of the second, on the same images */
export function compareEvaluations(before: Evaluation, after: Evaluation): Comparison {
  const others = new Map(after.images.map((image) => [image.file, image]));
  const pairs = before.images.flatMap((image) => {
    const other = others.get(image.file);
    return other === undefined ? [] : [{ image, other }];
  });
  const flips = pairs
    .filter(({ image, other }) => image.verdict !== other.verdict)
    .map(({ image, other }) => ({
      file: image.file,
      defect: image.defect,
      before: image.verdict,
      after: other.verdict,
      relativeBefore: image.score / before.bank.threshold,
      relativeAfter: other.score / after.bank.threshold,
      better: (other.verdict === "FAIL") === (image.defect !== null),
    }));
  const { bank, imageAuroc, pixelAuroc, pro, atThreshold } = after;
  return {
    bank,
    imageAuroc,
    pixelAuroc,
    pro,
    atThreshold,
    images: pairs.length,
    flips: flips.sort((a, b) => Number(a.better) - Number(b.better)),
  };
}
