import { createRequire } from "node:module";
import { join } from "node:path";
import type { AppSink, BusMessage, Pipeline } from "gstreamer-superficial";
import { endSelf, tellParent } from "../shared/child-process.ts";
import type { Clock } from "../shared/clock.ts";
import { BugError, ConfigError, InputError, reasonOf, toWireError } from "../shared/errors.ts";
import { cameraLogin } from "./camera-login.ts";
import { stageFolder } from "./folder-source.ts";
import type { FolderFrames } from "./folder-source.ts";
import { gstreamerVersion } from "./gstreamer-version.ts";
import { FramePump } from "./frame-pump.ts";
import { LOGIN_NAME, SINK_NAME, endsByItself, keepsOnlyNewest, launchString } from "./launch-string.ts";
import { busFault, launchFault, silentFault } from "./pipeline-fault.ts";
import type { CaptureSettings, FromCapture } from "./protocol.ts";
import { withoutSecrets } from "../shared/secrets.ts";
import { Slots } from "./slots.ts";

const ALIVE_EVERY_MS = 1_000;
/** A last message to the daemon at most this. */
const LAST_WORD_MS = 1_000;
/** From the end of the stream to the bus's word about it. */
const BUS_WAIT_MS = 1_000;
/** Messages that lie on the bus of a pipeline that did not start: four elements, two changes of state each. */
const MAX_DRAINED = 64;

/**
 * The one pipeline of a capture process, from the settings to the end. It ends by ending the process: a pipeline is
 * never freed, and a blocked pull makes every other way of ending hang.
 */
export class CaptureRun {
  readonly #settings: CaptureSettings;
  readonly #clock: Clock;
  readonly #send: (message: FromCapture) => void;
  #pipeline: Pipeline | undefined;
  #pump: FramePump | undefined;
  #staged: FolderFrames | undefined;
  #streamEnded = false;
  #eosOnBus = false;
  #ending = false;

  constructor(settings: CaptureSettings, clock: Clock, send: (message: FromCapture) => void) {
    this.#settings = settings;
    this.#clock = clock;
    this.#send = send;
  }

  /** Never rejects: what goes wrong becomes the fault message. */
  async start(): Promise<void> {
    setInterval(() => this.#send({ type: "alive" }), ALIVE_EVERY_MS);
    try {
      this.#staged = await this.#stage();
      this.#play();
    } catch (error) {
      this.fault(error);
    }
  }

  credit(slot: number): void {
    try {
      this.#pump?.credit(slot);
    } catch (error) {
      this.fault(error);
    }
  }

  /** Tells the fault, once, and ends the process. */
  fault(error: unknown): void {
    this.#end({ type: "fault", error: toWireError(error) });
  }

  async #stage(): Promise<FolderFrames | undefined> {
    const { source, slotFolder, width, height, firstFrameTimeoutMs } = this.#settings;
    if (source.kind !== "folder") return undefined;
    return stageFolder({
      path: source.path,
      stagingFolder: join(slotFolder, "staged"),
      ...(width === undefined ? {} : { width }),
      ...(height === undefined ? {} : { height }),
      fileTimeoutMs: firstFrameTimeoutMs,
    });
  }

  #play(): void {
    const launch = launchString(this.#settings, this.#staged);
    const pipeline = this.#open(launch);
    this.#pipeline = pipeline;
    const sink = this.#sink(pipeline);
    this.#login(pipeline);
    // Else the reason of a failed start is emptied from the bus, and its poller can block for ever.
    pipeline["auto-flush-bus"] = false;
    const startedAtMs = this.#clock.monotonicMs();
    pipeline.pollBus((message) => this.#onBus(message));
    pipeline.play();
    const gstreamer = gstreamerVersion();
    this.#send({ type: "playing", launch: withoutSecrets(launch), versions: gstreamer === null ? {} : { gstreamer } });
    this.#pump = new FramePump({
      settings: this.#settings,
      sink,
      slots: new Slots(this.#settings.slotFolder, this.#settings.slotCount),
      clock: this.#clock,
      send: this.#send,
      onNothing: () => this.#onStreamEnd(),
      onFault: (error) => this.fault(error),
    });
    this.#pump.start(this.#clock.monotonicMs() - startedAtMs);
  }

  #open(launch: string): Pipeline {
    // The addon has no file extension in its `main`, which `import` does not resolve.
    const addon = createRequire(import.meta.url)("gstreamer-superficial") as typeof import("gstreamer-superficial");
    try {
      return new addon.Pipeline(launch);
    } catch (error) {
      throw launchFault(this.#settings, reasonOf(error));
    }
  }

  /** @throws ConfigError "pipeline-without-sink" for a pipeline of the configuration's own that has none */
  #sink(pipeline: Pipeline): AppSink {
    const sink = pipeline.findChild(SINK_NAME);
    if (sink !== undefined && typeof sink.pull === "function") return sink as AppSink;
    throw new ConfigError(
      "pipeline-without-sink",
      `Expected an appsink named ${SINK_NAME} in the pipeline of ${this.#settings.station} but ` +
        (sink === undefined ? "no element has that name" : "the element of that name is no appsink"),
    );
  }

  #login(pipeline: Pipeline): void {
    const login = cameraLogin(this.#settings.source, process.env["CREDENTIALS_DIRECTORY"]);
    if (login === null) return;
    const source = pipeline.findChild(LOGIN_NAME);
    if (source === undefined) throw new BugError("source-missing", `Expected an element ${LOGIN_NAME} for the login`);
    source["user-id"] = login.username;
    source["user-pw"] = login.password;
  }

  #onBus(message: BusMessage): void {
    if (message.type === "error") this.fault(busFault(this.#settings, message, this.#pump?.frames ?? 0));
    if (message.type === "eos") {
      this.#eosOnBus = true;
      this.#endOfStream();
    }
  }

  #onStreamEnd(): void {
    this.#streamEnded = true;
    this.#endOfStream();
    if (this.#ending) return;
    // An error is on its way over the bus, or lies there unread when the pipeline did not even start.
    if (this.#pump?.frames === 0) this.#drainBus(MAX_DRAINED);
    setTimeout(() => this.#concludeEnd(), BUS_WAIT_MS);
  }

  /** Errors reach the bus before the end of the stream does, so once both are seen the end is a clean one. */
  #endOfStream(): void {
    if (this.#streamEnded && this.#eosOnBus) this.#concludeEnd();
  }

  #concludeEnd(): void {
    const frames = this.#pump?.frames ?? 0;
    if (!endsByItself(this.#settings) || this.#staged === undefined) {
      this.fault(silentFault(this.#settings, frames));
    } else if (frames !== this.#staged.count && (frames === 0 || !keepsOnlyNewest(this.#settings))) {
      const { source } = this.#settings;
      const path = source.kind === "folder" ? source.path : "";
      this.fault(
        new InputError(
          "folder-undecodable",
          `Expected ${this.#staged.count} frames from the images of ${path} but only ${frames} decoded`,
        ),
      );
    } else {
      this.#end({ type: "ended", frames });
    }
  }

  #drainBus(left: number): void {
    if (left === 0 || this.#ending) return;
    this.#pipeline?.pollBus((message) => {
      this.#onBus(message);
      this.#drainBus(left - 1);
    });
  }

  #end(lastWord: FromCapture): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#pump?.stop();
    void tellParent(lastWord, LAST_WORD_MS).then(endSelf);
  }
}
