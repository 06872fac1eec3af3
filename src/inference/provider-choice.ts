import { DeviceError, NominalError } from "../shared/errors.ts";
import type { FrameScorer } from "./frame-scorer.ts";
import type { InferenceSettings, ProviderFallback } from "./protocol.ts";

export interface ChosenScorer {
  readonly scorer: FrameScorer;
  /** null: it runs on the provider that was asked for. */
  readonly fallback: ProviderFallback | null;
}

/**
 * Makes the scorer on the provider that is asked for; where that cannot be had and `allowCpuFallback` is set, on the CPU.
 *
 * @throws DeviceError "provider-unavailable" without the leave to fall back; the other errors of `create` either way
 */
export async function createOnProvider(
  settings: InferenceSettings,
  create: (settings: InferenceSettings) => Promise<FrameScorer>,
): Promise<ChosenScorer> {
  try {
    return { scorer: await create(settings), fallback: null };
  } catch (error) {
    const mayFallBack = settings.allowCpuFallback === true && settings.provider !== "cpu";
    if (!mayFallBack || !(error instanceof NominalError) || error.code !== "provider-unavailable") throw error;
    const scorer = await create({ ...settings, provider: "cpu" });
    return { scorer, fallback: { wanted: settings.provider, why: error.message } };
  }
}

/**
 * A CPU that stands in must be fast enough: late parts are no verdicts, and nobody chose it for its speed.
 *
 * @param frameMs measured: backbone, search and score of one frame
 * @param budgetMs the shorter of the station's deadline and takt
 * @throws DeviceError "cpu-too-slow"
 */
export function checkFallbackBudget(fallback: ProviderFallback | null, frameMs: number, budgetMs: number): void {
  if (fallback === null || frameMs <= budgetMs) return;
  const text =
    `Expected the CPU to take at most ${Math.floor(budgetMs)} ms for a frame (deadline and takt) while it stands in for ` +
    `${fallback.wanted} but it takes ${Math.ceil(frameMs)} ms. ${fallback.why}`;
  throw new DeviceError("cpu-too-slow", text);
}
