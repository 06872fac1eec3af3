import sharp from "sharp";
import { BugError, DeviceError, toWireError } from "../shared/errors.ts";
import type { FrameReference, RawImage } from "../shared/image.ts";
import { loadOnnxRuntime } from "../shared/onnxruntime.ts";
import { systemClock } from "../shared/system-clock.ts";
import { FrameFile, FrameReader } from "./frame-reader.ts";
import { limitsOf } from "./frame-check.ts";
import type { FrameScorer, ScoredFrame } from "./frame-scorer.ts";
import { JobLoop } from "./job-loop.ts";
import { loadBank, summaryOf, type LoadedBank } from "./load-bank.ts";
import { drawPictures } from "./pictures.ts";
import { CREDITS } from "./schedule.ts";
import { ScorerPools } from "./scorer-pools.ts";
import { ShadowScorers } from "./shadow-scorers.ts";
import type { FromInference, InferenceSettings, LoadBank, Pictures, PictureSettings, ToInference } from "./protocol.ts";

/** A station's bank, and how its pictures are drawn. */
interface LoadedStation extends LoadedBank {
  readonly pictures: PictureSettings;
}

/** A frame that was scored. */
interface Done {
  readonly station: LoadedStation;
  readonly frame: ScoredFrame;
  /** The whole of it, for a candidate; valid until the next one is read. Null: nobody asked. */
  readonly image: RawImage | null;
}

type ScoreRequest = Extract<ToInference, { type: "score" }>;

/** What the inference process does with the daemon's messages. Each request is answered exactly once. */
export class InferenceWorker {
  readonly #send: (message: FromInference) => void;
  readonly #jobs = new JobLoop();
  readonly #reader = new FrameReader();
  readonly #pools = new ScorerPools();
  readonly #stations = new Map<string, LoadedStation>();
  /** The last load or adjustment that was asked for, by station: they are carried out in their order. */
  readonly #changes = new Map<string, Promise<void>>();
  readonly #shadows: ShadowScorers;
  #settings: InferenceSettings | undefined;

  constructor(send: (message: FromInference) => void) {
    this.#send = send;
    this.#shadows = new ShadowScorers({ jobs: this.#jobs, reader: this.#reader, send });
  }

  handle(message: ToInference): void {
    switch (message.type) {
      case "ping":
        this.#send({ type: "alive", id: message.id });
        return;
      case "start":
        this.#settings = message.settings;
        // One frame is worked on at a time, so its pictures have all the threads.
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
      case "load-shadow":
        this.#change(message.load.station, message.id, () => this.#loadShadow(message.id, message.load));
        return;
      case "unload-shadow":
        this.#change(message.station, message.id, () => this.#unloadShadow(message.id, message.station));
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

  async #loadBank(id: number, load: LoadBank): Promise<void> {
    const loaded = await this.#load(load);
    await this.#jobs.urgent(async () => {
      const previous = this.#stations.get(load.station);
      this.#stations.set(load.station, { ...loaded, pictures: load.pictures });
      await previous?.scorer.close();
    });
    this.#send({ type: "bank-loaded", id, summary: summaryOf(loaded) });
  }

  async #loadShadow(id: number, load: LoadBank): Promise<void> {
    const loaded = await this.#load(load);
    await this.#jobs.urgent(() => this.#shadows.set(load.station, loaded.scorer, loaded.warmUp.frameMs));
    this.#send({ type: "bank-loaded", id, summary: summaryOf(loaded) });
  }

  async #unloadShadow(id: number, station: string): Promise<void> {
    await this.#jobs.urgent(() => this.#shadows.remove(station));
    this.#send({ type: "bank-unloaded", id });
  }

  /** @throws BugError "not-started" at once; the errors of `loadBank`, and the station keeps the bank that it has */
  #load(load: LoadBank): Promise<LoadedBank> {
    if (this.#settings === undefined) throw new BugError("not-started", "Expected start before load-bank");
    return loadBank(load, {
      settings: this.#settings,
      pools: this.#pools,
      step: (job) => this.#jobs.step(job),
    });
  }

  async #unloadBank(id: number, station: string): Promise<void> {
    await this.#jobs.urgent(async () => {
      const loaded = this.#stations.get(station);
      this.#stations.delete(station);
      await loaded?.scorer.close();
      await this.#shadows.remove(station);
    });
    this.#send({ type: "bank-unloaded", id });
  }

  async #adjustBank(id: number, load: LoadBank): Promise<void> {
    await this.#jobs.urgent(async () => this.#adjust(id, load));
  }

  #adjust(id: number, load: LoadBank): void {
    const loaded = this.#stations.get(load.station);
    if (loaded === undefined) throw new BugError("no-bank", `Expected a bank for station ${load.station}`);
    const overrides = ({ bank }: FrameScorer): Parameters<FrameScorer["adjust"]>[0] => {
      return { ...load, limits: limitsOf(bank.manifest.validity, load.validity) };
    };
    loaded.scorer.adjust(overrides(loaded.scorer));
    this.#shadows.adjust(load.station, overrides);
    const adjusted = { ...loaded, pictures: load.pictures };
    this.#stations.set(load.station, adjusted);
    this.#send({ type: "bank-loaded", id, summary: summaryOf(adjusted) });
  }

  /** More frames of the station wait than may: this one is not scored any more. */
  #refuse({ id, picturesId, shadow, station, frame }: ScoreRequest): void {
    const text = `Expected at most ${CREDITS} frames to wait for scoring but newer ones came before frame ${frame.seq} had its turn`;
    this.#send({
      type: "failed",
      id,
      error: toWireError(new DeviceError("score-overrun", text, { context: { station } })),
    });
    if (picturesId !== null) this.#send({ type: "pictures", id: picturesId, pictures: null });
    if (shadow !== null) this.#shadows.skip(shadow);
  }

  async #score(request: ScoreRequest): Promise<void> {
    const { id } = request;
    let done: Done | undefined;
    await this.#answer(id, async () => {
      const station = this.#stations.get(request.station);
      if (station === undefined) throw new BugError("no-bank", `Expected a bank for station ${request.station}`);
      const startedAtMs = systemClock.monotonicMs();
      // A candidate looks at it later, when its slot is free again.
      const image = request.shadow === null ? null : this.#reader.read(request.frame);
      const readMs = image === null ? 0 : systemClock.monotonicMs() - startedAtMs;
      const frame = await (image === null ? scoreFile(station.scorer, request.frame) : station.scorer.score(image));
      this.#send({
        type: "scored",
        id,
        scored: {
          score: frame.score,
          threshold: frame.threshold,
          bankId: station.scorer.bank.bankId,
          startedAtMs,
          finishedAtMs: systemClock.monotonicMs(),
          stages: { ...frame.stages, read: readMs + frame.readMs },
        },
      });
      done = { station, frame, image };
    });
    this.#draw(request, done);
    this.#askShadow(request, done);
  }

  /** The pictures of a frame, when nothing else is to be done. */
  #draw(request: ScoreRequest, drawn: Done | undefined): void {
    const { picturesId } = request;
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

  #askShadow({ shadow, station }: ScoreRequest, done: Done | undefined): void {
    if (shadow === null) return;
    const image = done?.image ?? null;
    if (done === undefined || image === null) this.#shadows.skip(shadow);
    else {
      const { score, threshold } = done.frame;
      this.#shadows.ask(shadow, { station, image, isFail: score > threshold });
    }
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

/** Scores a frame while it is read from its slot. */
async function scoreFile(scorer: FrameScorer, frame: FrameReference): Promise<ScoredFrame> {
  const file = FrameFile.open(frame);
  try {
    return await scorer.score(file);
  } finally {
    file.close();
  }
}

async function picturesOf({ scorer, pictures }: LoadedStation, frame: ScoredFrame): Promise<Pictures> {
  const begun = performance.now();
  const input = scorer.pictureInput(frame);
  return drawPictures(input, pictures, performance.now() - begun);
}
