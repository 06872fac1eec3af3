import type { BankParameters, Preset } from "../../bank/manifest.ts";
import { presetParameters, type ParameterChoices } from "../../bank/parameters.ts";
import type { BackboneManifest } from "../../backbone/manifest.ts";
import type { ImageScoreRule } from "../../patchcore/scores.ts";

/** What an ablation changes, one at a time. */
export const AXES = ["ratio", "coreset", "layers", "neighbourhood", "b"] as const;
export type Axis = (typeof AXES)[number];

export const AXIS_NAMES: Readonly<Record<Axis, string>> = {
  ratio: "share of the patches kept",
  coreset: "choice of the rows",
  layers: "layers",
  neighbourhood: "neighbourhood size",
  b: "rows of the reweighting, b",
};

/** One value of one axis, as it was typed: `0.01`, `random`, `2+3`, `5`, `9`. */
export interface AblationValue {
  readonly axis: Axis;
  readonly value: string;
}

/** What every cell of a run shares. */
export interface Basis {
  readonly preset: Preset;
  readonly seed: number;
  /** null: the preset's. */
  readonly ratio: number | null;
  /** Side of the network's input; null: what the backbone prefers, or else the preset's. */
  readonly size: number | null;
}

/**
 * The bank parameters of a cell. A backbone that says what pictures it was trained on gets them, where the preset crops
 * as the papers do: CLIP's image encoders then see 224, 288, 384 or 448 pixels, bicubic, as in the reproduction.
 *
 * @param ablation the one value that differs; null: the basis itself
 * @throws ConfigError "bank-parameters" when the preset and the value do not fit each other
 */
export function parametersOf(basis: Basis, backbone: BackboneManifest, ablation: AblationValue | null): BankParameters {
  const plain = presetParameters(basis.preset);
  const { preferred } = backbone.input;
  const changed: ParameterChoices = {
    ...(basis.size === null ? {} : { size: basis.size }),
    ...(basis.size === null && preferred !== undefined && plain.resize.mode === "crop"
      ? { resize: { mode: "crop", ...preferred } as const }
      : {}),
    coreset: {
      seed: basis.seed,
      ...(basis.ratio === null ? {} : { budget: { kind: "ratio", ratio: basis.ratio } as const }),
    },
  };
  return presetParameters(
    basis.preset,
    ablation === null ? changed : { ...changed, ...choiceOf(plain, changed, ablation) },
  );
}

function choiceOf(plain: BankParameters, changed: ParameterChoices, { axis, value }: AblationValue): ParameterChoices {
  switch (axis) {
    case "ratio":
      return { coreset: { ...changed.coreset, budget: { kind: "ratio", ratio: Number(value) } } };
    case "coreset":
      return { coreset: { ...changed.coreset, method: value === "random" ? "random" : "greedy-k-center" } };
    case "layers":
      return { layers: value.split("+").map((stage) => `layer${stage}`) };
    case "neighbourhood":
      return { neighbourhood: { ...plain.neighbourhood, size: value === "1" ? 1 : value === "3" ? 3 : 5 } };
    case "b":
      return { imageScore: reweighted(plain.imageScore, Number(value)) };
    default:
      return axis satisfies never;
  }
}

/** With b = 1 eq. 7 would always give 0; it stands for no reweighting. */
function reweighted(rule: ImageScoreRule, neighbours: number): ImageScoreRule {
  if (neighbours === 1) return { kind: "maximum" };
  return { kind: rule.kind === "maximum" ? "reweighted" : rule.kind, neighbours };
}
