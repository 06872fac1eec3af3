import type { BackboneFiles } from "../backbone/manifest.ts";
import type { QuantisedBackbone } from "../backbone/quantise.ts";
import type { Accuracy } from "./compare-accuracy.ts";
import type { Latency } from "./compare-latency.ts";

export interface QuantisedReport {
  readonly before: BackboneFiles;
  readonly after: BackboneFiles;
  readonly quantised: QuantisedBackbone;
  readonly weightBits: 7 | 8;
  /** Whether this machine multiplies weights of 8 bits without overflow. */
  readonly eightBits: boolean;
}

/** What was made, one fact a line. */
export function quantisedLines({ before, after, quantised, weightBits, eightBits }: QuantisedReport): string[] {
  const { integer, all } = quantised.convolutions;
  const range = weightBits === 8 ? "8 bits" : "7 bits, reduced range";
  return [
    `${after.manifest.name}: written to ${after.manifestPath}`,
    `  model      ${before.model.length} → ${after.model.length} bytes, SHA-256 ${after.manifest.sha256}`,
    `  int8       ${integer} of ${all} convolutions, weights of ${range} with a scale per channel, ${quantised.images} nominal images`,
    ...(weightBits === 8 && !eightBits
      ? ["  WARNING    this processor has no VNNI: sums of products with weights of 8 bits may overflow on it"]
      : []),
  ];
}

export function latencyLines({ before, after, runs, relativeError }: Latency, size: number, threads: number): string[] {
  const ratio = (before / after).toFixed(2);
  return [
    `  latency    ${before.toFixed(2)} → ${after.toFixed(2)} ms, ${ratio} times as fast: frame to patch embeddings at ${size} × ${size}, ${threads} threads, medians of ${runs} runs in turn`,
    `  embedding  relative error ${relativeError.toFixed(4)} (root of mean squares, against the spread around the mean)`,
  ];
}

export function accuracyLines({ before, after, trainImages, testImages }: Accuracy): string[] {
  const points = (100 * (after - before)).toFixed(2);
  const sign = after >= before ? "+" : "";
  return [
    `  AUROC      ${before.toFixed(4)} → ${after.toFixed(4)} (${sign}${points} points): images, bank of ${trainImages}, ${testImages.nominal} nominal and ${testImages.anomalous} anomalous tested`,
  ];
}
