import { readdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { LiveCamera } from "../../doctor/live-camera.ts";
import { EXIT } from "../../shared/exit-codes.ts";
import type { RawImage } from "../../shared/image.ts";
import { silentLogger } from "../../shared/logger.ts";
import { helpOf } from "../command-line/help.ts";
import { parseCommandLine } from "../command-line/parse.ts";
import { CAPTURE_SAVE } from "../commands/capture.ts";
import type { CommandIo } from "../io.ts";
import { makeOutputFolder, writeOutput } from "../output.ts";
import { chooseCamera } from "./camera-arguments.ts";

const MOST_FRAMES = 100_000;
const LONGEST_PAUSE_S = 86_400;
/** `000042.png`: in the order of their names, as a folder source and `nominald fit` take them. */
const DIGITS = 6;
const NAME = /^(\d{6})\.png$/;

/** `nominald capture save`: a set of nominal images, made on site. */
export async function saveFrames(args: string[], io: CommandIo): Promise<number> {
  const { values } = parseCommandLine(CAPTURE_SAVE, args);
  const { out, count, every = "0", help: _help, ...camera } = values;
  const [frames, seconds] = [Number(count), Number(every)];
  const problem =
    out === undefined
      ? "Expected --out DIR"
      : !(Number.isInteger(frames) && frames >= 1 && frames <= MOST_FRAMES)
        ? `Expected a whole number from 1 to ${MOST_FRAMES} for --count but received ${JSON.stringify(count ?? null)}`
        : every === "" || !(seconds >= 0 && seconds <= LONGEST_PAUSE_S)
          ? `Expected seconds from 0 to ${LONGEST_PAUSE_S} for --every but received ${JSON.stringify(every)}`
          : null;
  if (problem !== null || out === undefined) {
    io.err(`${problem ?? ""}.\n\n${helpOf(CAPTURE_SAVE)}`);
    return EXIT.usage;
  }
  const { settings, sharedMemoryFolder } = await chooseCamera(camera);
  makeOutputFolder(out);
  const live = new LiveCamera({ settings, sharedMemoryFolder, logger: silentLogger });
  try {
    await live.start();
    const saved = await save(live, { folder: out, frames, everyMs: seconds * 1_000 }, io);
    if (io.signal.aborted) return EXIT.interrupted;
    if (saved === frames) return EXIT.ok;
    io.err(`Expected ${frames} frames but the source ended after ${saved}`);
    return EXIT.device;
  } finally {
    await live.close();
  }
}

interface SaveRequest {
  readonly folder: string;
  readonly frames: number;
  /** Between the deliveries of two frames that are saved at least this. */
  readonly everyMs: number;
}

async function save(live: LiveCamera, request: SaveRequest, io: CommandIo): Promise<number> {
  const first = nextNumber(request.folder);
  let dueAtMs = -Infinity;
  let saved = 0;
  while (saved < request.frames) {
    const frame = await live.next(io.signal);
    if (frame === null) break;
    const { deliveredAtMs } = frame.reference;
    if (deliveredAtMs < dueAtMs) continue;
    dueAtMs = deliveredAtMs + request.everyMs;
    const file = join(request.folder, `${String(first + saved).padStart(DIGITS, "0")}.png`);
    await writeOutput(file, await png(frame.image));
    io.out(file);
    saved += 1;
  }
  return saved;
}

/** Goes on after what lies there, so that a set can be made in several goes. */
function nextNumber(folder: string): number {
  const numbers = readdirSync(folder).flatMap((name) => NAME.exec(name)?.slice(1, 2) ?? []);
  return Math.max(0, ...numbers.map(Number)) + 1;
}

async function png({ data, width, height, format }: RawImage): Promise<Buffer> {
  const channels = format === "RGB" ? 3 : 1;
  return sharp(data, { raw: { width, height, channels } }).png({ compressionLevel: 3 }).toBuffer();
}
