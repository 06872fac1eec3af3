import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { stringify } from "yaml";
import type { DefectKind } from "../../src/cli/demo/part-geometry.ts";
import { renderPart } from "../../src/cli/demo/render-part.ts";
import { nominald, NominaldProcess } from "./daemon-process.ts";

/** Edge of the rendered parts, pixels. */
export const PART_SIZE = 480;
/** At one in 40, 40 images are enough for a threshold without extrapolation: it is the largest of their scores. */
const CALIBRATION = ["--false-reject-rate", "0.025", "--calibration", "per-fold"];

/** How much work goes into the bank. */
export interface LineQuality {
  readonly images: number;
  /** `--size` of the fit, pixels. */
  readonly size: number;
  readonly ratio: number;
}

/** Its verdicts are right. */
const TRUE_VERDICTS: LineQuality = { images: 40, size: 320, ratio: 0.01 };
/** For tests in which it matters that there is a verdict, and not which. */
export const ANY_VERDICTS: LineQuality = { images: 10, size: 64, ratio: 0.1 };

export interface TestPart {
  readonly defect: DefectKind | null;
  /** The defect's true pixels, PART_SIZE × PART_SIZE; null for a nominal part. */
  readonly mask: Uint8Array | null;
}

/** Writes the parts as 001.png, 002.png … @returns the truth, in that order */
export async function writeParts(
  folder: string,
  defects: readonly (DefectKind | null)[],
  firstSeed: number,
): Promise<TestPart[]> {
  await mkdir(folder, { recursive: true });
  const parts: TestPart[] = [];
  for (const [i, defect] of defects.entries()) {
    const { image, mask } = await renderPart({ seed: firstSeed + i, defect, size: PART_SIZE });
    const file = join(folder, `${String(i + 1).padStart(3, "0")}.png`);
    await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toFile(file);
    parts.push({ defect, mask });
  }
  return parts;
}

/** A folder with a bank that was fitted by the program itself on rendered parts, and configurations to run it. */
export class TestLine {
  readonly folder: string;
  readonly bank: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.bank = join(folder, "washer.bank");
  }

  /** @param fitOptions further options of `nominald fit` */
  static async prepare(quality = TRUE_VERDICTS, fitOptions: readonly string[] = []): Promise<TestLine> {
    const line = new TestLine(await mkdtemp(join(tmpdir(), "nominald-line-")));
    const images = join(line.folder, "nominal");
    await writeParts(images, new Array<null>(quality.images).fill(null), 1_000);
    const work = ["--size", String(quality.size), "--ratio", String(quality.ratio), ...fitOptions];
    const named = ["--out", line.bank, "--name", "washer"];
    const fit = await nominald(["fit", "--images", images, ...named, ...work, ...CALIBRATION]);
    if (fit.code !== 0) throw new Error(`fit ended with ${fit.code}: ${fit.stderr}`);
    return line;
  }

  /**
   * Writes a configuration of one station `line1/st1` and starts the daemon on it.
   *
   * @param options.prefix a command that becomes the daemon by exec
   * @param options.environment of the daemon and its children, beside ours
   */
  async run(options: {
    broker: string;
    station?: object;
    camera: object;
    device?: object;
    prefix?: readonly string[];
    environment?: Readonly<Record<string, string>>;
  }): Promise<NominaldProcess> {
    return this.start(this.config(options), options);
  }

  /** Starts the daemon on a configuration. */
  async start(
    config: object,
    options: { prefix?: readonly string[]; environment?: Readonly<Record<string, string>> } = {},
  ): Promise<NominaldProcess> {
    await this.write(config);
    return new NominaldProcess(["run", "--config", this.#file], options.environment ?? {}, options.prefix);
  }

  /** Writes the file that the daemon reads; one that runs reads it again at SIGHUP. */
  async write(config: object): Promise<void> {
    await writeFile(this.#file, stringify(config));
  }

  get #file(): string {
    return join(this.folder, "config.yaml");
  }

  config(options: { broker: string; station?: object; camera: object; device?: object }): object {
    return {
      site: "test",
      device: "bench",
      stateFolder: join(this.folder, "state"),
      broker: { url: options.broker },
      inference: { startTimeoutMs: 120_000, frameTimeoutMs: 60_000 },
      ...options.device,
      stations: [
        {
          line: "line1",
          name: "st1",
          mode: "camera",
          bank: this.bank,
          // The machines that run the tests are shared; a test of deadlines sets its own.
          deadlineMs: 30_000,
          maxPending: 64,
          // Test pictures are no parts, and have to be scored all the same.
          validity: { check: false },
          ...options.station,
          // Time without frames is no fault of a camera here either.
          camera: { firstFrameTimeoutMs: 60_000, frameTimeoutMs: 30_000, ...options.camera },
        },
      ],
    };
  }

  async dispose(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Slot folders that a process has, or left, in shared memory. */
export async function slotFolders(pid: number): Promise<string[]> {
  return (await readdir("/dev/shm")).filter((name) => name.startsWith(`nominald-${pid}-`));
}
