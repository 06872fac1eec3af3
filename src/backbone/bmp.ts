import { InputError } from "../shared/errors.ts";
import type { RawImage } from "../shared/image.ts";

const FILE_HEADER = 14;
const INFO_HEADER = 40;
const BITFIELDS_V3 = 56;
/** biCompression: 0 is plain, 3 and 6 give the colours' bit masks. */
const PLAIN = 0;
const BITFIELDS: readonly number[] = [3, 6];
/** No camera's picture is larger, and a damaged header must not make us ask for gigabytes. */
const MOST_PIXELS = 2 ** 28;

interface BmpHeader {
  readonly pixelOffset: number;
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bitsPerPixel: 8 | 24 | 32;
  readonly palette: Uint8Array;
}

/**
 * Decodes the BMP files that cameras and their tools write: uncompressed 8-bit with a palette, 24-bit and 32-bit
 * (https://learn.microsoft.com/windows/win32/gdi/bitmap-storage). A palette of greys gives GRAY8, all else RGB; the
 * fourth byte of 32-bit pixels is dropped.
 *
 * @throws InputError "broken-image"
 */
export function decodeBmp(file: Uint8Array, path: string): RawImage {
  const header = readHeader(file, path);
  const { width, height, bitsPerPixel } = header;
  const rowBytes = Math.ceil((width * bitsPerPixel) / 32) * 4;
  const expected = header.pixelOffset + rowBytes * height;
  if (file.length < expected) {
    throw broken(path, `${expected} bytes for ${width} × ${height} pixels of ${bitsPerPixel} bits`, `${file.length}`);
  }
  const row = (y: number): Uint8Array => {
    const start = header.pixelOffset + rowBytes * (header.topDown ? y : height - 1 - y);
    return file.subarray(start, start + rowBytes);
  };
  if (bitsPerPixel !== 8) return { width, height, format: "RGB", data: readColours(header, row) };
  const indices = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) indices.set(row(y).subarray(0, width), y * width);
  return withPalette(indices, header, path);
}

function broken(path: string, expected: string, actual: string): InputError {
  return new InputError("broken-image", `Expected ${expected} in the BMP file ${path} but got ${actual}`);
}

function readHeader(file: Uint8Array, path: string): BmpHeader {
  if (file.length < FILE_HEADER + INFO_HEADER) throw broken(path, "a header of 54 bytes", `${file.length}`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerSize = view.getUint32(14, true);
  if (headerSize < INFO_HEADER) throw broken(path, "an information header of at least 40 bytes", `${headerSize}`);
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const height = Math.abs(signedHeight);
  if (width < 1 || height < 1 || width * height > MOST_PIXELS) {
    throw broken(path, `1 to ${MOST_PIXELS} pixels`, `${width} × ${signedHeight}`);
  }
  const bitsPerPixel = view.getUint16(28, true);
  if (bitsPerPixel !== 8 && bitsPerPixel !== 24 && bitsPerPixel !== 32) {
    throw broken(path, "8, 24 or 32 bits per pixel", `${bitsPerPixel}`);
  }
  const compression = view.getUint32(30, true);
  const masked = bitsPerPixel === 32 && BITFIELDS.includes(compression);
  if (compression !== PLAIN && !masked) throw broken(path, "no compression", `method ${compression}`);
  if (masked) checkMasks(view, path);
  const pixelOffset = view.getUint32(10, true);
  const paletteStart = FILE_HEADER + headerSize;
  const colours = bitsPerPixel === 8 ? view.getUint32(46, true) || 256 : 0;
  if (colours > 256 || paletteStart + colours * 4 > pixelOffset) {
    throw broken(path, "header and palette before the pixels", `${colours} colours and pixels at byte ${pixelOffset}`);
  }
  const palette = file.subarray(paletteStart, paletteStart + colours * 4);
  return { pixelOffset, width, height, topDown: signedHeight < 0, bitsPerPixel, palette };
}

function checkMasks(view: DataView, path: string): void {
  if (view.byteLength < FILE_HEADER + BITFIELDS_V3)
    throw broken(path, "bit masks of the colours", "the end of the file");
  const masks = [54, 58, 62].map((at) => view.getUint32(at, true));
  const usual = [0xff0000, 0xff00, 0xff];
  if (masks.join() === usual.join()) return;
  const shown = masks.map((mask) => mask.toString(16)).join(" ");
  throw broken(path, "the bytes of a pixel in the order blue, green, red", `bit masks ${shown}`);
}

function readColours({ width, height, bitsPerPixel }: BmpHeader, row: (y: number) => Uint8Array): Uint8Array {
  const step = bitsPerPixel / 8;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    const from = row(y);
    for (let x = 0; x < width; x++) {
      data[to++] = from[x * step + 2] ?? 0;
      data[to++] = from[x * step + 1] ?? 0;
      data[to++] = from[x * step] ?? 0;
    }
  }
  return data;
}

function withPalette(indices: Uint8Array, { width, height, palette }: BmpHeader, path: string): RawImage {
  const colours = palette.length / 4;
  const largest = indices.reduce((most, index) => Math.max(most, index), 0);
  if (largest >= colours) throw broken(path, `colours below ${colours}, the palette's length`, `${largest}`);
  const part = (index: number, channel: number): number => palette[index * 4 + channel] ?? 0;
  const isGrey = Array.from({ length: colours }, (_, i) => part(i, 0) === part(i, 1) && part(i, 1) === part(i, 2));
  if (isGrey.every(Boolean)) {
    return { width, height, format: "GRAY8", data: indices.map((index) => part(index, 0)) };
  }
  const data = new Uint8Array(indices.length * 3);
  indices.forEach((index, i) => {
    // A palette's entry lies as blue, green, red, reserved.
    data.set([part(index, 2), part(index, 1), part(index, 0)], i * 3);
  });
  return { width, height, format: "RGB", data };
}
