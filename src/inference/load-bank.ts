import { builtInModelsFolder, findBackbone } from "../backbone/find.ts";
import { readBank } from "../bank/bundle-read.ts";
import { limitsOf } from "./frame-check.ts";
import { FrameScorer } from "./frame-scorer.ts";
import { passGate } from "./golden-gate.ts";
import { checkFallbackBudget, createOnProvider } from "./provider-choice.ts";
import type { BankSummary, GateReport, InferenceSettings, LoadBank, ProviderFallback } from "./protocol.ts";
import type { ScorerPools } from "./scorer-pools.ts";

/** A memory bank that scores frames, and what its load showed. Who loaded it closes its scorer. */
export interface LoadedBank {
  readonly scorer: FrameScorer;
  readonly warmUp: WarmUp;
  readonly fallback: ProviderFallback | null;
  readonly gate: GateReport | null;
}

/** ms of all its frames, and of one after the first ones. */
interface WarmUp {
  readonly warmUpMs: number;
  readonly frameMs: number;
}

/** Carries a part of the load out when its turn has come. */
type Step = <T>(job: () => Promise<T>) => Promise<T>;

export interface LoadMeans {
  readonly settings: InferenceSettings;
  /** What the process's banks share. */
  readonly pools: ScorerPools;
  /** Between two steps frames are scored: the station's own, too, against the bank that it has. */
  readonly step: Step;
}

/** Frames of the warm-up; the first runs of a session are several times slower than the rest. */
const WARM_UP_FRAMES = 2;
/** After them so many show how long a frame takes. */
const MEASURED_FRAMES = 5;

/**
 * From the file to a bank that scores: read, put on its execution provider, warmed up, and tried by its golden frames where
 * that is asked for. One that does not get so far leaves nothing behind.
 *
 * @throws NominalError of what reads the bank and finds the backbone, of `FrameScorer.create`, `createOnProvider`,
 *   `checkFallbackBudget` and `passGate`
 */
export async function loadBank(load: LoadBank, { settings, pools, step }: LoadMeans): Promise<LoadedBank> {
  const bank = await readBank(load.bankPath);
  const backbone = await findBackbone([...load.modelsFolders, builtInModelsFolder()], {
    sha256: bank.manifest.backbone.sha256,
    name: bank.manifest.backbone.name,
  });
  const limits = limitsOf(bank.manifest.validity, load.validity);
  const { scorer, fallback } = await step(() =>
    createOnProvider(settings, (chosen) => FrameScorer.create(bank, backbone, chosen, { ...load, limits }, pools)),
  );
  try {
    await scorer.learnBounds(step);
    const warm = await warmUp(scorer, step);
    checkFallbackBudget(fallback, warm.frameMs, load.budgetMs ?? Infinity);
    const gate = load.gate === undefined ? null : await passGate(scorer, load.gate, step);
    return { scorer, warmUp: warm, fallback, gate };
  } catch (error) {
    await step(() => scorer.close());
    throw error;
  }
}

/** As the daemon is told of it. */
export function summaryOf({ scorer, warmUp, fallback, gate }: LoadedBank): BankSummary {
  const { bankId, manifest } = scorer.bank;
  return {
    bankId,
    rows: manifest.rows,
    dims: manifest.dims,
    backbone: manifest.backbone.name,
    threshold: scorer.threshold,
    maskThreshold: scorer.maskThreshold,
    index: scorer.indexKind,
    provider: scorer.provider,
    fallback,
    ...warmUp,
    gate,
  };
}

/** Runs grey frames of the input size through everything, so that the first part is as fast as the next. */
async function warmUp(scorer: FrameScorer, step: Step): Promise<WarmUp> {
  const times: number[] = [];
  for (let i = 0; i < WARM_UP_FRAMES + MEASURED_FRAMES; i += 1) {
    const spentMs = await step(async () => {
      const begun = performance.now();
      await scorer.warmUp();
      return performance.now() - begun;
    });
    times.push(spentMs);
  }
  const measured = times.slice(WARM_UP_FRAMES).sort((a, b) => a - b);
  return {
    warmUpMs: times.reduce((sum, spentMs) => sum + spentMs, 0),
    frameMs: measured[Math.floor(measured.length / 2)] ?? 0,
  };
}
