import { statfs } from "node:fs/promises";
import { readMemory, type MemorySample } from "./host-memory.ts";
import { readTemperature, readThrottle, type TemperatureSample, type ThrottleSample } from "./host-processor.ts";
import { KERNEL, type KernelFolders } from "./kernel-file.ts";

/** How the machine is. What it does not tell is null. */
export interface HostSample {
  readonly memory: MemorySample | null;
  /** Of the file system that has the state folder, for users other than root. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | null;
  readonly temperature: TemperatureSample | null;
  readonly throttle: ThrottleSample | null;
}

export interface HostSamplerOptions {
  readonly folder: string;
  readonly onSample: (sample: HostSample) => void;
  readonly kernel?: KernelFolders;
  readonly everyMs?: number;
}

const EVERY_MS = 5_000;

/**
 * Looks at the machine every few seconds: memory, disk, heat. It reads small files of the kernel on libuv's threads, so
 * the event loop only parses some hundred bytes. A look that hangs, as on a dead disk, is not joined by a second.
 */
export class HostSampler {
  readonly #options: HostSamplerOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #closed = false;

  constructor(options: HostSamplerOptions) {
    this.#options = options;
  }

  /** Looks now and from then on. */
  start(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setInterval(() => void this.look(), this.#options.everyMs ?? EVERY_MS);
    this.#timer.unref();
    void this.look();
  }

  /** Looks once; while another look is under way, it is that one. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** Nothing is told afterwards. Idempotent. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { folder, onSample, kernel = KERNEL } = this.#options;
    const sample = {
      memory: await readMemory(kernel),
      temperature: await readTemperature(kernel),
      throttle: await readThrottle(kernel),
      disk: await readDisk(folder),
    };
    if (!this.#closed) onSample(sample);
  }
}

async function readDisk(folder: string): Promise<HostSample["disk"]> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch (error) {
    if (error instanceof Error && "code" in error) return null;
    throw error;
  }
}
