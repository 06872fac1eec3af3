import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { DeviceError, reasonOf } from "../shared/errors.ts";
import { BYTES_PER_PIXEL, type FrameReference, type PixelFormat, type RawImage } from "../shared/image.ts";
import type { PixelSource } from "../shared/pixels.ts";

/**
 * A frame in its shared-memory slot, open for reading. Who takes it in portions and works on each at once finds it in the
 * processor's cache, and 6 MB of a 1080p frame are not written to memory and read from there a second time.
 */
export class FrameFile implements PixelSource {
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
  readonly #frame: FrameReference;
  readonly #file: number;
  #spentMs = 0;

  private constructor(frame: FrameReference, file: number) {
    this.width = frame.width;
    this.height = frame.height;
    this.format = frame.format;
    this.#frame = frame;
    this.#file = file;
  }

  /** @throws DeviceError "frame-unreadable" when the slot is gone */
  static open(frame: FrameReference): FrameFile {
    try {
      return new FrameFile(frame, openSync(frame.path, "r"));
    } catch (error) {
      throw unreadable(frame, error);
    }
  }

  /** Bytes of the whole frame. */
  get bytes(): number {
    return this.width * this.height * BYTES_PER_PIXEL[this.format];
  }

  get spentMs(): number {
    return this.#spentMs;
  }

  /** @throws DeviceError "frame-unreadable" when the slot is shorter than the frame */
  copy(into: Uint8Array, from: number): void {
    const begun = performance.now();
    let read = 0;
    try {
      for (let got = -1; got !== 0 && read < into.length; read += got)
        got = readSync(this.#file, into, read, into.length - read, from + read);
    } catch (error) {
      throw unreadable(this.#frame, error);
    }
    this.#spentMs += performance.now() - begun;
    if (read === into.length) return;
    const { width, height, format, path } = this.#frame;
    throw new DeviceError(
      "frame-unreadable",
      `Expected ${this.bytes} bytes for ${width} × ${height} ${format} in ${path} but it holds ${fstatSync(this.#file).size}`,
    );
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Copies whole frames out of their slots into one buffer that grows to the largest frame and stays. */
export class FrameReader {
  #buffer = new Uint8Array(0);
  /** A second one, while nobody keeps it. */
  #spare: Uint8Array<ArrayBuffer> | null = null;

  /**
   * @returns the frame's pixels, valid until the next call, unless they are kept
   * @throws DeviceError "frame-unreadable" when the slot is gone or shorter than the frame
   */
  read(frame: FrameReference): RawImage {
    const file = FrameFile.open(frame);
    try {
      if (this.#buffer.length < file.bytes) this.#buffer = new Uint8Array(file.bytes);
      const data = this.#buffer.subarray(0, file.bytes);
      file.copy(data, 0);
      return { width: frame.width, height: frame.height, format: frame.format, data };
    } finally {
      file.close();
    }
  }

  /** The pixels that were read last stay valid until they are given back: nothing is copied. */
  keep(): void {
    this.#buffer = this.#spare ?? new Uint8Array(0);
    this.#spare = null;
  }

  /** Nobody looks at the image any more. */
  giveBack({ data }: RawImage): void {
    this.#spare = new Uint8Array(data.buffer as ArrayBuffer);
  }
}

function unreadable({ seq, path }: FrameReference, cause: unknown): DeviceError {
  const text = `Expected frame ${seq} in ${path} but: ${reasonOf(cause)}`;
  return new DeviceError("frame-unreadable", text, { cause });
}
