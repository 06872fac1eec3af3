import sharp from "sharp";
import { builtInModelsFolder, findBackbone } from "../backbone/find.ts";
import { readBank } from "../bank/bundle-read.ts";
import { BugError, toWireError } from "../shared/errors.ts";
import { loadOnnxRuntime } from "../shared/onnxruntime.ts";
import { systemClock } from "../shared/system-clock.ts";
import { FrameReader } from "./frame-reader.ts";
import { limitsOf } from "./frame-check.ts";
import { FrameScorer, type ScoredFrame } from "./frame-scorer.ts";
import { passGate } from "./golden-gate.ts";
import { JobLoop } from "./job-loop.ts";
import { drawPictures } from "./pictures.ts";
import type {
  BankSummary,
  FromInference,
  GateReport,
  InferenceSettings,
  LoadBank,
  Pictures,
  PictureSettings,
  ToInference,
} from "./protocol.ts";

interface LoadedStation {
  readonly scorer: FrameScorer;
  readonly pictures: PictureSettings;
  readonly warmUpMs: number;
  readonly gate: GateReport | null;
}

type ScoreRequest = Extract<ToInference, { type: "score" }>;

/** Frames of the warm-up; the first runs of a session are several times slower than the rest. */
const WARM_UP_FRAMES = 2;

/** What the inference process does with the daemon's messages. Each request is answered exactly once. */
export class InferenceWorker {
  readonly #send: (message: FromInference) => void;
  readonly #jobs = new JobLoop();
  readonly #reader = new FrameReader();
  readonly #stations = new Map<string, LoadedStation>();
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
        this.#jobs.addUrgent(async () => {
          await this.#answer(message.id, async () =>
            this.#send({ type: "started", id: message.id, versions: await loadedVersions() }),
          );
        });
        return;
      case "load-bank":
        this.#jobs.addUrgent(async () => {
          await this.#answer(message.id, () => this.#loadBank(message.id, message.load));
        });
        return;
      case "adjust-bank":
        this.#jobs.addUrgent(async () => {
          await this.#answer(message.id, async () => this.#adjustBank(message.id, message.load));
        });
        return;
      case "score":
        this.#jobs.addUrgent(() => this.#score(message));
        return;
      default:
        message satisfies never;
    }
  }

  async #answer(id: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // Whatever went wrong is the answer; the daemon decides what it means.
      this.#send({ type: "failed", id, error: toWireError(error) });
    }
  }

  async #loadBank(id: number, load: LoadBank): Promise<void> {
    if (this.#settings === undefined) throw new BugError("not-started", "Expected start before load-bank");
    const bank = await readBank(load.bankPath);
    const backbone = await findBackbone([...load.modelsFolders, builtInModelsFolder()], {
      sha256: bank.manifest.backbone.sha256,
      name: bank.manifest.backbone.name,
    });
    const limits = limitsOf(bank.manifest.validity, load.validity);
    const scorer = await FrameScorer.create(bank, backbone, this.#settings, { ...load, limits });
    let warmUpMs: number;
    let gate: GateReport | null;
    try {
      warmUpMs = await warmUp(scorer);
      gate = load.gate === undefined ? null : await passGate(scorer, load.gate);
    } catch (error) {
      // The station keeps the bank that it has.
      await scorer.close();
      throw error;
    }
    const previous = this.#stations.get(load.station);
    this.#stations.set(load.station, { scorer, pictures: load.pictures, warmUpMs, gate });
    await previous?.scorer.close();
    this.#send({ type: "bank-loaded", id, summary: summaryOf(scorer, warmUpMs, gate) });
  }

  #adjustBank(id: number, load: LoadBank): void {
    const loaded = this.#stations.get(load.station);
    if (loaded === undefined) throw new BugError("no-bank", `Expected a bank for station ${load.station}`);
    const { scorer, warmUpMs, gate } = loaded;
    scorer.adjust({ ...load, limits: limitsOf(scorer.bank.manifest.validity, load.validity) });
    this.#stations.set(load.station, { scorer, pictures: load.pictures, warmUpMs, gate });
    this.#send({ type: "bank-loaded", id, summary: summaryOf(scorer, warmUpMs, gate) });
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
async function warmUp(scorer: FrameScorer): Promise<number> {
  const begun = performance.now();
  for (let i = 0; i < WARM_UP_FRAMES; i += 1) await scorer.warmUp();
  return performance.now() - begun;
}

function summaryOf(scorer: FrameScorer, warmUpMs: number, gate: GateReport | null): BankSummary {
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
    warmUpMs,
    gate,
  };
}
