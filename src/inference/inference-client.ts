import { DeviceError, fromWireError } from "../shared/errors.ts";
import type { FrameReference } from "../shared/image.ts";
import type { Logger } from "../shared/logger.ts";
import { PendingRequests } from "../shared/pending-requests.ts";
import { ChildProcess, childEntry, type ChildExit } from "../shared/child-process.ts";
import { steadyMemory } from "../shared/steady-memory.ts";
import type {
  BankSummary,
  FromInference,
  InferenceSettings,
  LoadBank,
  Pictures,
  Scored,
  ShadowRequest,
  ShadowScored,
  ToInference,
} from "./protocol.ts";

export interface InferenceClientOptions {
  readonly settings: InferenceSettings;
  /** Start of the process, and load of a bank, at most this. */
  readonly startTimeoutMs: number;
  /** One frame at most this; past it the process is taken as stuck and killed. */
  readonly frameTimeoutMs: number;
  /** So much nicer than the daemon; absent: 0. */
  readonly niceness?: number;
  readonly logger: Logger;
  /** Called once, when the process is gone although nobody closed it. */
  readonly onLost: (error: Error) => void;
  readonly idle?: IdleLimits;
}

/** How a process is watched that nothing is asked of. */
export interface IdleLimits {
  readonly everyMs: number;
  /** Its answer takes at most this; past it the process is taken as stuck and killed. */
  readonly answerMs: number;
}

/** An idle process answers in a millisecond; a machine that swaps takes seconds. */
const IDLE_LIMITS: IdleLimits = { everyMs: 2_000, answerMs: 10_000 };
/** What is to come for one frame. */
export interface ScoringUnderWay {
  readonly scored: Promise<Scored>;
  readonly pictures: Promise<Pictures | null>;
  /** Rejects with what the candidate threw, and when the process dies. */
  readonly shadow: Promise<ShadowScored | null>;
}

interface ShadowAsked {
  readonly request: ShadowRequest;
  readonly answer: Promise<ShadowScored | null>;
}

/** Pictures follow their score; they may take as long as a frame and the pictures before it. */
const PICTURES_TIMEOUT_FACTOR = 4;
const CLOSE_DEADLINE_MS = 1_000;
/** From SIGKILL to the end of the process; after it the process is given up as lost all the same. */
const KILL_DEADLINE_MS = 3_000;

/**
 * The daemon's end of one inference process. A request that is open when the process dies is rejected; a request
 * that passes its deadline kills the process, since a blocked native call can be ended in no other way.
 */
export class InferenceClient {
  readonly #options: InferenceClientOptions;
  readonly #pending = new PendingRequests();
  #child: ChildProcess<ToInference, FromInference> | undefined;
  #closed = false;
  #gone: DeviceError | null = null;
  #told = false;
  #killTimer: NodeJS.Timeout | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #versions: Readonly<Record<string, string>> = {};

  constructor(options: InferenceClientOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The process has ended, or is being killed: it answers nothing any more. `onLost` follows unless it was closed. */
  get gone(): boolean {
    return this.#gone !== null;
  }

  /** Of what the process loaded; empty until it is up. */
  get versions(): Readonly<Record<string, string>> {
    return this.#versions;
  }

  /** @throws DeviceError when the process does not come up in time */
  async start(): Promise<void> {
    this.#child = new ChildProcess<ToInference, FromInference>({
      name: "inference",
      entry: childEntry("inference.child", import.meta.url),
      logger: this.#options.logger,
      environment: steadyMemory(process.env),
      niceness: this.#options.niceness ?? 0,
      onMessage: (message) => this.#onMessage(message),
      onExit: (exit) => this.#onExit(exit),
    });
    this.#child.start();
    const { id, answer } = this.#open<Readonly<Record<string, string>>>(
      "start of inference",
      this.#options.startTimeoutMs,
    );
    this.#child.send({ type: "start", id, settings: this.#options.settings });
    this.#versions = await answer;
    if (this.#gone === null) this.#watchIdle();
  }

  /** Work has deadlines of its own; between work a sign of life is asked for, so that a hang is no part's discovery. */
  #watchIdle(): void {
    const { everyMs, answerMs } = this.#options.idle ?? IDLE_LIMITS;
    this.#idleTimer = setInterval(() => {
      if (this.#gone !== null || this.#pending.size > 0) return;
      const { id, answer } = this.#open<null>("a sign of life", answerMs);
      this.#send({ type: "ping", id });
      // Without an answer the process is killed, and its loss told.
      answer.catch(() => undefined);
    }, everyMs);
  }

  async loadBank(load: LoadBank): Promise<BankSummary> {
    const { id, answer } = this.#open<BankSummary>(`load of ${load.bankPath}`, this.#options.startTimeoutMs);
    this.#send({ type: "load-bank", id, load });
    return answer;
  }

  /** Thresholds, frame limits and pictures hold from the next frame on; what else `load` says is left as it is. */
  async adjustBank(load: LoadBank): Promise<BankSummary> {
    const { id, answer } = this.#open<BankSummary>(`adjustment of ${load.bankPath}`, this.#options.startTimeoutMs);
    this.#send({ type: "adjust-bank", id, load });
    return answer;
  }

  /** A candidate that scores the station's frames beside its bank, when it is asked and there is time. */
  async loadShadow(load: LoadBank): Promise<BankSummary> {
    const { id, answer } = this.#open<BankSummary>(`load of ${load.bankPath}`, this.#options.startTimeoutMs);
    this.#send({ type: "load-shadow", id, load });
    return answer;
  }

  /** The candidate is asked no more. */
  async unloadShadow(station: string): Promise<void> {
    const { id, answer } = this.#open<null>(`unloading of the candidate of ${station}`, this.#options.startTimeoutMs);
    this.#send({ type: "unload-shadow", id, station });
    await answer;
  }

  /** The station asks for no scores any more. */
  async unloadBank(station: string): Promise<void> {
    const { id, answer } = this.#open<null>(`unloading of the bank of ${station}`, this.#options.startTimeoutMs);
    this.#send({ type: "unload-bank", id, station });
    await answer;
  }

  /**
   * @param deadlineAtMs monotonic ms at which the frame's part is late; null: it is no part's, and gives way to those that are
   * @param shadow absent or null: the candidate is not asked
   * @returns `scored`: the image score; `pictures`: resolves after it, null when they were not wanted, dropped, or
   *   the process died, and never rejects; `shadow`: what the candidate says, null when it was not asked or something else
   *   needed the time
   */
  score(
    station: string,
    frame: FrameReference,
    deadlineAtMs: number | null,
    wantsPictures: boolean,
    shadow: Omit<ShadowRequest, "id"> | null = null,
  ): ScoringUnderWay {
    const { frameTimeoutMs } = this.#options;
    const request = this.#open<Scored>(`score of frame ${frame.seq}`, frameTimeoutMs);
    const pictures = wantsPictures
      ? this.#pending.open<Pictures | null>(`pictures of frame ${frame.seq}`, frameTimeoutMs * PICTURES_TIMEOUT_FACTOR)
      : undefined;
    const asked = shadow === null ? null : this.#openShadow(frame, shadow);
    this.#send({
      ...{ type: "score", id: request.id, picturesId: pictures?.id ?? null, shadow: asked?.request ?? null },
      ...{ station, frame, deadlineAtMs },
    });
    return {
      scored: request.answer,
      // Lost pictures are an expected outcome: the verdict has its own promise, which carries the error.
      pictures: pictures === undefined ? Promise.resolve(null) : pictures.answer.catch(() => null),
      shadow: asked === null ? Promise.resolve(null) : asked.answer,
    };
  }

  /** A candidate that takes too long costs the process nothing: it is dropped when something else comes. */
  #openShadow(frame: FrameReference, shadow: Omit<ShadowRequest, "id">): ShadowAsked {
    const deadlineMs = this.#options.frameTimeoutMs * PICTURES_TIMEOUT_FACTOR;
    const { id, answer } = this.#pending.open<ShadowScored | null>(
      `candidate's score of frame ${frame.seq}`,
      deadlineMs,
    );
    if (this.#gone !== null) this.#pending.reject(id, this.#gone);
    return { request: { ...shadow, id }, answer };
  }

  /** Ends the process; open requests are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#killTimer);
    clearInterval(this.#idleTimer);
    this.#gone ??= new DeviceError("inference-closed", "Inference was closed while a request was open");
    this.#pending.rejectAll(this.#gone);
    await this.#child?.close(CLOSE_DEADLINE_MS);
  }

  /** A request to a process that is gone is rejected at once. */
  #open<T>(label: string, deadlineMs: number): { id: number; answer: Promise<T> } {
    const request = this.#pending.open<T>(label, deadlineMs, () => this.#giveUp(`no answer to ${label} in time`));
    if (this.#gone !== null) this.#pending.reject(request.id, this.#gone);
    return request;
  }

  #send(message: ToInference): void {
    this.#child?.send(message);
  }

  /** The process hangs: it is killed, and its loss told when it has ended. */
  #giveUp(why: string): void {
    if (this.#gone !== null) return;
    this.#gone = lostBecause(why);
    this.#child?.kill();
    this.#killTimer = setTimeout(() => this.#lost(), KILL_DEADLINE_MS);
  }

  #onMessage(message: FromInference): void {
    switch (message.type) {
      case "alive":
        this.#pending.resolve(message.id, null);
        return;
      case "started":
        this.#pending.resolve(message.id, message.versions);
        return;
      case "bank-loaded":
        this.#pending.resolve(message.id, message.summary);
        return;
      case "bank-unloaded":
        this.#pending.resolve(message.id, null);
        return;
      case "scored":
        this.#pending.resolve(message.id, message.scored);
        return;
      case "pictures":
        this.#pending.resolve(message.id, message.pictures);
        return;
      case "shadow-scored":
        this.#pending.resolve(message.id, message.scored);
        return;
      case "failed":
        this.#pending.reject(message.id, fromWireError(message.error));
        return;
      default:
        message satisfies never;
    }
  }

  #onExit({ code, signal, spawnError }: ChildExit): void {
    this.#gone ??= lostBecause(spawnError?.message ?? signal ?? `exit code ${code}`);
    this.#lost();
  }

  #lost(): void {
    clearTimeout(this.#killTimer);
    clearInterval(this.#idleTimer);
    if (this.#gone === null || this.#told) return;
    this.#told = true;
    this.#pending.rejectAll(this.#gone);
    if (!this.#closed) this.#options.onLost(this.#gone);
  }
}

function lostBecause(how: string): DeviceError {
  return new DeviceError("inference-lost", `Expected the inference process to live and answer but it did not: ${how}`);
}
