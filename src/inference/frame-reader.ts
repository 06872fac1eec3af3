import { closeSync, openSync, readSync } from "node:fs";
import { DeviceError, reasonOf } from "../shared/errors.ts";
import { BYTES_PER_PIXEL, type FrameReference, type RawImage } from "../shared/image.ts";

/**
 * Copies frames out of their shared-memory slots into one buffer that grows to the largest frame and stays: at
 * 1080p a copy takes a fraction of a millisecond, and the slot is free again at once.
 */
export class FrameReader {
  #buffer = new Uint8Array(0);
  /** A second one, while nobody keeps it. */
  #spare: Uint8Array<ArrayBuffer> | null = null;

  /**
   * @returns the frame's pixels, valid until the next call, unless they are kept
   * @throws DeviceError "frame-unreadable" when the slot is gone or shorter than the frame
   */
  read(frame: FrameReference): RawImage {
    const bytes = frame.width * frame.height * BYTES_PER_PIXEL[frame.format];
    if (this.#buffer.length < bytes) this.#buffer = new Uint8Array(bytes);
    const data = this.#buffer.subarray(0, bytes);
    let read = 0;
    try {
      const file = openSync(frame.path, "r");
      try {
        for (let got = -1; got !== 0 && read < bytes; read += got) got = readSync(file, data, read, bytes - read, read);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw new DeviceError(
        "frame-unreadable",
        `Expected frame ${frame.seq} in ${frame.path} but: ${reasonOf(error)}`,
        {
          cause: error,
        },
      );
    }
    if (read !== bytes) {
      throw new DeviceError(
        "frame-unreadable",
        `Expected ${bytes} bytes for ${frame.width} × ${frame.height} ${frame.format} in ${frame.path} but it holds ${read}`,
      );
    }
    return { width: frame.width, height: frame.height, format: frame.format, data };
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
