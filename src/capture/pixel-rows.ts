import { DeviceError } from "../shared/errors.ts";
import { BYTES_PER_PIXEL } from "../shared/image.ts";
import type { PixelFormat } from "../shared/image.ts";

/** GStreamer begins every row of raw video at a multiple of 4 bytes (GstVideoInfo's default strides). */
const ROW_ALIGNMENT = 4;

/**
 * Takes out the padding at the end of each row.
 *
 * @param buffer one frame as GStreamer delivers it: `height` rows, each padded to 4 bytes
 * @returns `height * width * bytesPerPixel` bytes; the buffer itself when its rows carry no padding
 * @throws DeviceError "frame-length" when the buffer is not as long as its caps say
 */
export function packRows(buffer: Uint8Array, width: number, height: number, format: PixelFormat): Uint8Array {
  const row = width * BYTES_PER_PIXEL[format];
  const stride = Math.ceil(row / ROW_ALIGNMENT) * ROW_ALIGNMENT;
  if (buffer.length !== stride * height) {
    throw new DeviceError(
      "frame-length",
      `Expected ${stride * height} bytes for a frame of ${width} × ${height} ${format} but received ${buffer.length}`,
    );
  }
  if (stride === row) return buffer;
  const packed = new Uint8Array(row * height);
  for (let y = 0; y < height; y += 1) packed.set(buffer.subarray(y * stride, y * stride + row), y * row);
  return packed;
}
