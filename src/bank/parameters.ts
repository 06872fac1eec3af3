import type { Resize } from "../shared/image.ts";
import { ConfigError } from "../shared/errors.ts";
import type { BankParameters, CoresetParameters, Preset } from "./manifest.ts";
import { parameterProblems } from "./parse-parameters.ts";
import { PRESETS } from "./presets.ts";

/** What may be chosen beside a preset; each choice replaces the preset's value, the rest stays. */
export interface ParameterChoices extends Partial<Omit<BankParameters, "preset" | "basis" | "coreset">> {
  /**
   * Side of the network's input, pixels, a multiple of the backbone's input multiple. A preset that crops keeps the
   * proportion of its shorter side to its crop: 320 is cropped from 366 as 224 is from 256.
   */
  readonly size?: number;
  readonly coreset?: Partial<CoresetParameters>;
}

/**
 * The parameters of a preset with some of them chosen otherwise. Region, rotation, seed and budget belong to the
 * station and keep the preset's name; any other change makes it `custom`.
 *
 * @throws ConfigError "bank-parameters" when choices do not fit each other
 */
export function presetParameters(name: Preset, choices: ParameterChoices = {}): BankParameters {
  const preset = PRESETS[name];
  const { size, coreset, ...rest } = choices;
  const parameters: BankParameters = {
    ...preset,
    ...rest,
    resize: rest.resize ?? (size === undefined ? preset.resize : resizedTo(preset.resize, size, size)),
    coreset: { ...preset.coreset, ...coreset },
  };
  const problems = parameterProblems(parameters, name);
  if (problems.length > 0) {
    const lines = problems.map(({ path, expected, actual }) => `${path}: expected ${expected}, received ${actual}`);
    throw new ConfigError(
      "bank-parameters",
      `Expected parameters that fit each other but found:\n  ${lines.join("\n  ")}`,
    );
  }
  return { ...parameters, preset: stationsOwn(parameters, preset) === stationsOwn(preset, preset) ? name : "custom" };
}

/** The same way of resizing to another input size; a crop keeps the proportion of its shorter side to the crop. */
export function resizedTo(resize: Resize, width: number, height: number): Resize {
  if (resize.mode === "stretch") return { ...resize, width, height };
  const factor = Math.max(width / resize.width, height / resize.height);
  return { ...resize, width, height, shorterSide: Math.round(resize.shorterSide * factor) };
}

/** The parameters as text, in the preset's order of keys, what belongs to the station taken from the preset. */
function stationsOwn(parameters: BankParameters, preset: BankParameters): string {
  const { region, rotation, coreset } = preset;
  const { seed, budget } = coreset;
  const same = { ...parameters, preset: preset.preset, region, rotation };
  return canonical({ ...same, coreset: { ...parameters.coreset, seed, budget } });
}

/** JSON with sorted keys, so that equal values give equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
