import { dirname } from "node:path";
import { ChildProcess, childEntry } from "../shared/child-process.ts";
import type { ChildExit } from "../shared/child-process.ts";
import type { Clock } from "../shared/clock.ts";
import { BugError, DeviceError, fromWireError, reasonOf } from "../shared/errors.ts";
import type { NominalError } from "../shared/errors.ts";
import type { FrameReference } from "../shared/image.ts";
import type { Logger } from "../shared/logger.ts";
import { CaptureWatch, DEFAULT_WATCH_LIMITS } from "./capture-watch.ts";
import type { WatchLimits } from "./capture-watch.ts";
import { steadyMemory } from "../shared/steady-memory.ts";
import type { CaptureSettings, FromCapture, ToCapture } from "./protocol.ts";
import { createSlotFolder, removeFolder } from "./slot-folder.ts";

export interface CaptureClientOptions {
  readonly settings: Omit<CaptureSettings, "slotFolder">;
  /** Holds the slots, e.g. /dev/shm. */
  readonly sharedMemoryFolder: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** The pipeline plays; no frame has come yet. */
  readonly onPlaying: (launch: string, versions: Readonly<Record<string, string>>) => void;
  /** A frame lies in its slot until `release`. */
  readonly onFrame: (frame: FrameReference) => void;
  /** A frame came and found no slot free. */
  readonly onDropped: (seq: number, deliveredAtMs: number) => void;
  /** The source had an end and reached it. */
  readonly onEnded: (frames: number) => void;
  /** Called at most once, when the process is gone although nobody closed it and its source did not end. */
  readonly onLost: (error: NominalError) => void;
  /** Added to the process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly watchLimits?: WatchLimits;
}

/** How often the watch looks. */
const WATCH_EVERY_MS = 250;
/** A look that comes so late means that this process was held up itself. */
const HELD_UP_MS = 1_000;
/** From the request to end, or a fault, to the end of the process. */
const END_DEADLINE_MS = 1_000;
/** From SIGKILL to the end of the process; after it the camera is given up as lost all the same. */
const KILL_DEADLINE_MS = 3_000;
/** At `close`, frames that are still being read may be released so long; then their slots go. */
const RELEASE_DEADLINE_MS = 1_000;
/**
 * The daemon's end of one capture process: one life of one camera. It is started once and never starts its process
 * again; after a loss whoever supervises it closes it and makes another.
 */
export class CaptureClient {
  readonly #options: CaptureClientOptions;
  readonly #watch: CaptureWatch;
  /** Taken slots, with the frame that lies in each. */
  readonly #outstanding = new Map<number, number>();
  #folder: string | undefined;
  #child: ChildProcess<ToCapture, FromCapture> | undefined;
  #watchTimer: NodeJS.Timeout | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #reason: NominalError | undefined;
  #ended = false;
  #gone = false;
  #closing: Promise<void> | undefined;
  #removal: Promise<void> | undefined;
  #starting: Promise<void> | undefined;
  #onReleased: (() => void) | undefined;

  constructor(options: CaptureClientOptions) {
    this.#options = options;
    this.#watch = new CaptureWatch(options.settings, options.clock, options.watchLimits ?? DEFAULT_WATCH_LIMITS);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Frames that were delivered and not released. */
  get outstanding(): number {
    return this.#outstanding.size;
  }

  /**
   * Makes the slot folder and starts the process; what comes of it is told by the callbacks.
   *
   * @throws DeviceError "shared-memory-unusable"
   */
  start(): Promise<void> {
    const { station } = this.#options.settings;
    if (this.#starting !== undefined)
      throw new BugError("capture-started-twice", `Capture of ${station} was started before`);
    this.#starting = this.#start();
    return this.#starting;
  }

  async #start(): Promise<void> {
    const { settings, sharedMemoryFolder, logger, environment } = this.#options;
    const slotFolder = await createSlotFolder(sharedMemoryFolder, settings.station);
    this.#folder = slotFolder;
    if (this.#closing !== undefined) return;
    this.#child = new ChildProcess<ToCapture, FromCapture>({
      name: `capture of ${settings.station}`,
      entry: childEntry("capture.child", import.meta.url),
      logger,
      environment: { ...steadyMemory(process.env), ...environment },
      onMessage: (message) => this.#onMessage(message),
      onExit: (exit) => this.#onExit(exit),
    });
    this.#child.start();
    this.#child.send({ type: "start", settings: { ...settings, slotFolder } });
    this.#startWatch();
  }

  /**
   * Gives a frame's slot back. A frame of another process, or one that was released before, changes nothing.
   *
   * @returns whether it was outstanding here
   */
  release(frame: FrameReference): boolean {
    if (dirname(frame.path) !== this.#folder || this.#outstanding.get(frame.slot) !== frame.seq) return false;
    this.#outstanding.delete(frame.slot);
    this.#watch.onCredit(this.#outstanding.size);
    if (this.#gone) this.#removeWhenReleased();
    else this.#child?.send({ type: "credit", slot: frame.slot });
    return true;
  }

  /** Ends the process, with SIGKILL if it hangs, and removes its slots. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // A failed start has told its own caller.
    await this.#starting?.catch(() => undefined);
    clearInterval(this.#watchTimer);
    await this.#child?.close(END_DEADLINE_MS);
    this.#gone = true;
    clearTimeout(this.#killTimer);
    if (this.#outstanding.size > 0) await this.#released();
    if (this.#outstanding.size > 0) {
      this.#options.logger.warn(
        { station: this.#options.settings.station, frames: this.#outstanding.size },
        "slots removed although frames in them were not released",
      );
    }
    await this.#removeSlots();
  }

  async #released(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, RELEASE_DEADLINE_MS);
      this.#onReleased = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #onMessage(message: FromCapture): void {
    // After a hang was judged, or `close` asked, the process counts as gone.
    if (this.#closing !== undefined || this.#reason !== undefined) return;
    this.#watch.onMessage();
    switch (message.type) {
      case "alive":
        return;
      case "playing":
        this.#watch.onPlaying();
        this.#options.onPlaying(message.launch, message.versions);
        return;
      case "frame":
        this.#outstanding.set(message.frame.slot, message.frame.seq);
        this.#watch.onFrame(this.#outstanding.size);
        this.#options.onFrame(message.frame);
        return;
      case "dropped":
        this.#watch.onFrame(this.#outstanding.size);
        this.#options.onDropped(message.seq, message.deliveredAtMs);
        return;
      case "ended":
        this.#ended = true;
        clearInterval(this.#watchTimer);
        this.#options.onEnded(message.frames);
        return;
      case "fault":
        this.#giveUp(fromWireError(message.error), END_DEADLINE_MS);
        return;
      default:
        message satisfies never;
    }
  }

  #startWatch(): void {
    let lastLookMs = this.#options.clock.monotonicMs();
    this.#watchTimer = setInterval(() => {
      const nowMs = this.#options.clock.monotonicMs();
      if (nowMs - lastLookMs > HELD_UP_MS) this.#watch.restart();
      lastLookMs = nowMs;
      const missing = this.#watch.hung();
      if (missing === null) return;
      const { station } = this.#options.settings;
      this.#giveUp(
        new DeviceError("capture-hung", `Expected ${missing} from the capture process of ${station} but none came`),
        0,
      );
    }, WATCH_EVERY_MS);
  }

  /** The process is to end; the loss is told when it has, so that its camera is free for the next. */
  #giveUp(reason: NominalError, deadlineMs: number): void {
    this.#reason = reason;
    clearInterval(this.#watchTimer);
    if (deadlineMs === 0) this.#child?.kill();
    this.#killTimer = setTimeout(() => {
      this.#child?.kill();
      this.#killTimer = setTimeout(() => this.#lost(), KILL_DEADLINE_MS);
    }, deadlineMs);
  }

  #onExit({ code, signal, spawnError }: ChildExit): void {
    const how =
      spawnError === null ? `ended with ${signal ?? `exit code ${code}`}` : `could not start: ${reasonOf(spawnError)}`;
    this.#reason ??= new DeviceError("capture-exited", `Capture process of ${this.#options.settings.station} ${how}`);
    this.#lost();
  }

  #lost(): void {
    clearInterval(this.#watchTimer);
    clearTimeout(this.#killTimer);
    if (this.#gone) return;
    this.#gone = true;
    this.#removeWhenReleased();
    if (this.#ended || this.#closing !== undefined || this.#reason === undefined) return;
    this.#options.onLost(this.#reason);
  }

  #removeWhenReleased(): void {
    if (this.#outstanding.size > 0) return;
    this.#onReleased?.();
    void this.#removeSlots();
  }

  #removeSlots(): Promise<void> {
    this.#removal ??= this.#remove();
    return this.#removal;
  }

  async #remove(): Promise<void> {
    if (this.#folder === undefined || (await removeFolder(this.#folder))) return;
    this.#options.logger.warn({ folder: this.#folder }, "slot folder could not be removed");
  }
}
