import sharp from "sharp";
import { builtInModelsFolder, findBackbone } from "../backbone/find.ts";
import { readBank } from "../bank/bundle-read.ts";
import { BugError, DeviceError, toWireError } from "../shared/errors.ts";
import { loadOnnxRuntime } from "../shared/onnxruntime.ts";
import { systemClock } from "../shared/system-clock.ts";
import { FrameReader } from "./frame-reader.ts";
import { limitsOf } from "./frame-check.ts";
import { FrameScorer, type ScoredFrame } from "./frame-scorer.ts";
import { passGate } from "./golden-gate.ts";
import { JobLoop } from "./job-loop.ts";
import { drawPictures } from "./pictures.ts";
import { checkFallbackBudget, createOnProvider } from "./provider-choice.ts";
import { CREDITS } from "./schedule.ts";
import { ScorerPools } from "./scorer-pools.ts";
import type {
  BankSummary,
  FromInference,
  GateReport,
  InferenceSettings,
  LoadBank,
  Pictures,
  PictureSettings,
  ProviderFallback,
  ToInference,
} from "./protocol.ts";

interface LoadedStation {
  readonly scorer: FrameScorer;
  readonly pictures: PictureSettings;
  readonly warmUp: WarmUp;
  readonly fallback: ProviderFallback | null;
  readonly gate: GateReport | null;
}

/** ms of all its frames, and of one after the first ones. */
interface WarmUp {
  readonly warmUpMs: number;
  readonly frameMs: number;
}

type ScoreRequest = Extract<ToInference, { type: "score" }>;

/** Frames of the warm-up; the first runs of a session are several times slower than the rest. */
const WARM_UP_FRAMES = 2;
/** After them so many show how long a frame takes. */
const MEASURED_FRAMES = 5;

/** What the inference process does with the daemon's messages. Each request is answered exactly once. */
export class InferenceWorker {
  readonly #send: (message: FromInference) => void;
  readonly #jobs = new JobLoop();
  readonly #reader = new FrameReader();
  readonly #pools = new ScorerPools();
  readonly #stations = new Map<string, LoadedStation>();
  /** The last load or adjustment that was asked for, by station: they are carried out in their order. */
  readonly #changes = new Map<string, Promise<void>>();
  #settings: InferenceSettings | undefined;

  constructor(send: (message: FromInference) => void) {
    this.#send = send;
  }

  handle(message: ToInference): void {
    switch (message.type) {
      case "ping":
        this.#send({ type: "alive", id: message.id });
        return;
      case "start":
        this.#settings = message.settings;
        // One frame is worked on at a time, so its resize has all the threads: 3.2 → 2.5 ms for 1920 × 1080 on two cores.
        sharp.concurrency(message.settings.threads);
        void this.#answer(message.id, async () => {
          const versions = await this.#jobs.urgent(loadedVersions);
          this.#send({ type: "started", id: message.id, versions });
        });
        return;
      case "load-bank":
        this.#change(message.load.station, message.id, () => this.#loadBank(message.id, message.load));
        return;
      case "adjust-bank":
        this.#change(message.load.station, message.id, () => this.#adjustBank(message.id, message.load));
        return;
      case "unload-bank":
        this.#change(message.station, message.id, () => this.#unloadBank(message.id, message.station));
        return;
      case "score":
        this.#jobs.addScore({
          station: message.station,
          deadlineAtMs: message.deadlineAtMs,
          run: () => this.#score(message),
          refuse: () => this.#refuse(message),
        });
        return;
      default:
        message satisfies never;
    }
  }

  #change(station: string, id: number, work: () => Promise<void>): void {
    const before = this.#changes.get(station) ?? Promise.resolve();
    this.#changes.set(
      station,
      before.then(() => this.#answer(id, work)),
    );
  }

  async #answer(id: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // Whatever went wrong is the answer; the daemon decides what it means.
      this.#send({ type: "failed", id, error: toWireError(error) });
    }
  }

  /** In steps, between which frames are scored: the station's own, too, against the bank that it has. */
  async #loadBank(id: number, load: LoadBank): Promise<void> {
    if (this.#settings === undefined) throw new BugError("not-started", "Expected start before load-bank");
    const bank = await readBank(load.bankPath);
    const backbone = await findBackbone([...load.modelsFolders, builtInModelsFolder()], {
      sha256: bank.manifest.backbone.sha256,
      name: bank.manifest.backbone.name,
    });
    const limits = limitsOf(bank.manifest.validity, load.validity);
    const settings = this.#settings;
    const step = <T>(job: () => Promise<T>): Promise<T> => this.#jobs.step(job);
    const { scorer, fallback } = await step(() =>
      createOnProvider(settings, (chosen) =>
        FrameScorer.create(bank, backbone, chosen, { ...load, limits }, this.#pools),
      ),
    );
    let warm: WarmUp;
    let gate: GateReport | null;
    try {
      warm = await warmUp(scorer, step);
      checkFallbackBudget(fallback, warm.frameMs, load.budgetMs ?? Infinity);
      gate = load.gate === undefined ? null : await passGate(scorer, load.gate, step);
    } catch (error) {
      // The station keeps the bank that it has.
      await step(() => scorer.close());
      throw error;
    }
    await this.#jobs.urgent(async () => {
      const previous = this.#stations.get(load.station);
      this.#stations.set(load.station, { scorer, pictures: load.pictures, warmUp: warm, fallback, gate });
      await previous?.scorer.close();
    });
    this.#send({ type: "bank-loaded", id, summary: summaryOf(scorer, warm, fallback, gate) });
  }

  async #unloadBank(id: number, station: string): Promise<void> {
    await this.#jobs.urgent(async () => {
      const loaded = this.#stations.get(station);
      this.#stations.delete(station);
      await loaded?.scorer.close();
    });
    this.#send({ type: "bank-unloaded", id });
  }

  async #adjustBank(id: number, load: LoadBank): Promise<void> {
    await this.#jobs.urgent(async () => this.#adjust(id, load));
  }

  #adjust(id: number, load: LoadBank): void {
    const loaded = this.#stations.get(load.station);
    if (loaded === undefined) throw new BugError("no-bank", `Expected a bank for station ${load.station}`);
    const { scorer, warmUp, fallback, gate } = loaded;
    scorer.adjust({ ...load, limits: limitsOf(scorer.bank.manifest.validity, load.validity) });
    this.#stations.set(load.station, { scorer, pictures: load.pictures, warmUp, fallback, gate });
    this.#send({ type: "bank-loaded", id, summary: summaryOf(scorer, warmUp, fallback, gate) });
  }

  /** More frames of the station wait than may: this one is not scored any more. */
  #refuse({ id, picturesId, station, frame }: ScoreRequest): void {
    const text = `Expected at most ${CREDITS} frames to wait for scoring but newer ones came before frame ${frame.seq} had its turn`;
    this.#send({
      type: "failed",
      id,
      error: toWireError(new DeviceError("score-overrun", text, { context: { station } })),
    });
    if (picturesId !== null) this.#send({ type: "pictures", id: picturesId, pictures: null });
  }

  async #score(request: ScoreRequest): Promise<void> {
    const { id, picturesId } = request;
    let drawn: { station: LoadedStation; frame: ScoredFrame } | undefined;
    await this.#answer(id, async () => {
      const station = this.#stations.get(request.station);
      if (station === undefined) throw new BugError("no-bank", `Expected a bank for station ${request.station}`);
      const startedAtMs = systemClock.monotonicMs();
      const image = this.#reader.read(request.frame);
      const readAtMs = systemClock.monotonicMs();
      const frame = await station.scorer.score(image);
      this.#send({
        type: "scored",
        id,
        scored: {
          score: frame.score,
          threshold: frame.threshold,
          bankId: station.scorer.bank.bankId,
          startedAtMs,
          finishedAtMs: systemClock.monotonicMs(),
          stages: { read: readAtMs - startedAtMs, ...frame.stages },
        },
      });
      drawn = { station, frame };
    });
    if (picturesId === null) return;
    const drop = (): void => this.#send({ type: "pictures", id: picturesId, pictures: null });
    if (drawn === undefined) return drop();
    const { station, frame } = drawn;
    this.#jobs.addPictures({
      station: request.station,
      drop,
      draw: async () => {
        await this.#answer(picturesId, async () => {
          this.#send({ type: "pictures", id: picturesId, pictures: await picturesOf(station, frame) });
        });
      },
    });
  }
}

/** ONNX Runtime is loaded here, so that a library that does not load is told at the start and not as a bank's fault. */
async function loadedVersions(): Promise<Readonly<Record<string, string>>> {
  const { env } = await loadOnnxRuntime();
  return {
    ...(env.versions.node === undefined ? {} : { onnxruntime: env.versions.node }),
    sharp: sharp.versions.sharp,
  };
}

async function picturesOf({ scorer, pictures }: LoadedStation, frame: ScoredFrame): Promise<Pictures> {
  const begun = performance.now();
  const input = scorer.pictureInput(frame);
  return drawPictures(input, pictures, performance.now() - begun);
}

/** Runs grey frames of the input size through everything, so that the first part is as fast as the next. */
async function warmUp(scorer: FrameScorer, step: JobLoop["step"]): Promise<WarmUp> {
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

function summaryOf(
  scorer: FrameScorer,
  warm: WarmUp,
  fallback: ProviderFallback | null,
  gate: GateReport | null,
): BankSummary {
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
    ...warm,
    gate,
  };
}
