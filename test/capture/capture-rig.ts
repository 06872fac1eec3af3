import { readdir } from "node:fs/promises";
import type { TestContext } from "node:test";
import { CaptureClient } from "../../src/capture/capture-client.ts";
import type { CaptureClientOptions } from "../../src/capture/capture-client.ts";
import type { CaptureSettings, CaptureSource } from "../../src/capture/protocol.ts";
import type { NominalError } from "../../src/shared/errors.ts";
import type { FrameReference } from "../../src/shared/image.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import { temporaryFolder } from "./pictures.ts";

export interface CaptureRig {
  readonly client: CaptureClient;
  /** All frames that came, in order; those lie in their slots until released. */
  readonly frames: FrameReference[];
  readonly playing: string[];
  /** As told with each `playing`. */
  readonly versions: Readonly<Record<string, string>>[];
  readonly dropped: number[];
  readonly ended: number[];
  readonly lost: NominalError[];
  /** Names of the slot folders that are there. */
  readonly slotFolders: () => Promise<string[]>;
}

export interface RigOptions extends Partial<Omit<CaptureSettings, "slotFolder" | "source">> {
  readonly sharedMemoryFolder?: string;
  readonly watchLimits?: CaptureClientOptions["watchLimits"];
  readonly environment?: Readonly<Record<string, string>>;
  /** Called for each frame, e.g. to look at it and release it. */
  readonly onFrame?: (frame: FrameReference, client: CaptureClient) => void;
}

/** Deadlines are long: they only end a test that would hang on a slow machine. */
const SETTINGS = {
  station: "st1",
  delivery: "freshest",
  slotCount: 3,
  captureLatencyMs: 0,
  firstFrameTimeoutMs: 30_000,
  frameTimeoutMs: 30_000,
} as const;

/** A client with a real capture process, and everything that it told. */
export async function startCapture(
  t: TestContext,
  source: CaptureSource,
  options: RigOptions = {},
): Promise<CaptureRig> {
  let client: CaptureClient | undefined = undefined;
  const { sharedMemoryFolder, watchLimits, environment, onFrame, ...settings } = options;
  // Hooks run in the order of their registration: frames may come until the client is closed, so the folder goes after.
  t.after(() => client?.close());
  const shared = sharedMemoryFolder ?? (await temporaryFolder(t));
  const rig: Omit<CaptureRig, "client" | "slotFolders"> = {
    frames: [],
    playing: [],
    versions: [],
    dropped: [],
    ended: [],
    lost: [],
  };
  client = new CaptureClient({
    settings: { ...SETTINGS, ...settings, source },
    sharedMemoryFolder: shared,
    logger: silentLogger,
    clock: systemClock,
    ...(watchLimits === undefined ? {} : { watchLimits }),
    ...(environment === undefined ? {} : { environment }),
    onPlaying: (launch, versions) => {
      rig.playing.push(launch);
      rig.versions.push(versions);
    },
    onFrame: (frame) => {
      rig.frames.push(frame);
      if (client !== undefined) onFrame?.(frame, client);
    },
    onDropped: (seq) => rig.dropped.push(seq),
    onEnded: (frames) => rig.ended.push(frames),
    onLost: (error) => rig.lost.push(error),
  });
  await client.start();
  const slotFolders = async (): Promise<string[]> =>
    (await readdir(shared)).filter((name) => name.startsWith("nominald-"));
  return { ...rig, client, slotFolders };
}
