import { LiveCamera } from "../../doctor/live-camera.ts";
import { frameStatistics, type FrameStatistics } from "../../patchcore/frame-statistics.ts";
import { EXIT } from "../../shared/exit-codes.ts";
import type { FrameReference } from "../../shared/image.ts";
import { silentLogger } from "../../shared/logger.ts";
import { helpOf } from "../command-line/help.ts";
import { parseCommandLine } from "../command-line/parse.ts";
import { CAPTURE_WATCH } from "../commands/capture.ts";
import type { CommandIo } from "../io.ts";
import { chooseCamera } from "./camera-arguments.ts";

const PERIOD_MS = 1_000;
const LONGEST_S = 86_400;
/** Moves a terminal's cursor up a line and clears it (ECMA-48: CUU, EL). */
const OVER_THE_LAST = "\u001b[1A\u001b[2K";

/** What one line of the watch says, in JSON. */
interface WatchLine extends FrameStatistics {
  /** Since the line before, by their times of delivery. */
  readonly framesPerSecond: number;
  readonly width: number;
  readonly height: number;
  /** Since the start: frames that came while all slots were taken. */
  readonly dropped: number;
}

/** `nominald capture watch`: for aiming, focusing and lighting a camera. */
export async function watchCamera(args: string[], io: CommandIo): Promise<number> {
  const { values } = parseCommandLine(CAPTURE_WATCH, args);
  const { seconds: text, json = false, help: _help, ...camera } = values;
  const seconds = text === undefined ? null : Number(text);
  if (text === "" || (seconds !== null && !(seconds > 0 && seconds <= LONGEST_S))) {
    io.err(
      `Expected seconds above 0 up to ${LONGEST_S} for --seconds but received ${JSON.stringify(text)}.\n\n${helpOf(CAPTURE_WATCH)}`,
    );
    return EXIT.usage;
  }
  const { settings, sharedMemoryFolder } = await chooseCamera(camera);
  // Each frame counts for the rate, whatever the station's mode.
  const live = new LiveCamera({
    settings: { ...settings, delivery: settings.source.kind === "folder" ? settings.delivery : "newest" },
    sharedMemoryFolder,
    logger: silentLogger,
  });
  try {
    await live.start();
    await watch(live, { json, forMs: seconds === null ? Infinity : seconds * 1_000 }, io);
    // Ctrl-C is how a watch ends.
    return EXIT.ok;
  } finally {
    await live.close();
  }
}

/** The time counts from the first frame: how long a camera takes to start is not what is watched. */
async function watch(
  live: LiveCamera,
  { json, forMs }: { readonly json: boolean; readonly forMs: number },
  io: CommandIo,
): Promise<void> {
  let luminance = new Uint8Array(0);
  let begunAtMs: number | null = null;
  let last: FrameReference | null = null;
  let overwrites = false;
  for (;;) {
    const frame = await live.next(io.signal);
    if (frame === null) return;
    const { image, reference } = frame;
    begunAtMs ??= reference.deliveredAtMs;
    last ??= reference;
    const sinceMs = reference.deliveredAtMs - last.deliveredAtMs;
    if (sinceMs >= PERIOD_MS) {
      if (luminance.length < image.width * image.height) luminance = new Uint8Array(image.width * image.height);
      const line: WatchLine = {
        framesPerSecond: ((reference.seq - last.seq) * 1_000) / sinceMs,
        width: image.width,
        height: image.height,
        ...frameStatistics(image, luminance),
        dropped: live.dropped,
      };
      io.out(json ? JSON.stringify(line) : `${overwrites ? OVER_THE_LAST : ""}${shown(line)}`);
      overwrites = io.isTerminal;
      last = reference;
    }
    if (reference.deliveredAtMs - begunAtMs >= forMs) return;
  }
}

function shown(line: WatchLine): string {
  const { framesPerSecond, width, height, brightness, saturated, sharpness, dropped } = line;
  return [
    `${framesPerSecond.toFixed(1)} frames/s`,
    `${width} × ${height}`,
    `brightness ${brightness.toFixed(1)}`,
    `overexposed ${(saturated * 100).toFixed(2)} %`,
    `sharpness ${sharpness.toFixed(4)}`,
    `dropped ${dropped}`,
  ].join("  ");
}
