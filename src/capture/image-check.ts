import { crc32, createInflate } from "node:zlib";
import { InputError, reasonOf } from "../shared/errors.ts";

export type ImageType = "png" | "jpeg";

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const PNG_DEPTHS = [1, 2, 4, 8];
/** Length, type and CRC around a chunk's data. */
const PNG_CHUNK_OVERHEAD = 12;
/** Samples per pixel by PNG's colour type: grey, RGB, palette, grey and alpha, RGBA. */
const PNG_CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
/** First row, first column, step of rows, step of columns of Adam7's passes (PNG specification, 8.1). */
const ADAM7 = [
  [0, 0, 8, 8],
  [0, 4, 8, 8],
  [4, 0, 8, 4],
  [0, 2, 4, 4],
  [2, 0, 4, 2],
  [0, 1, 2, 2],
  [1, 0, 2, 1],
] as const;
/** Bytes that are inflated at a time. */
const INFLATE_CHUNK = 1 << 20;

interface PngHeader extends ImageSize {
  /** Bytes of all rows, each with its filter byte, as they come out of the compression. */
  readonly rawBytes: number;
}

/** @returns what the first bytes say a file is, in words; "png" and "jpeg" are what we can take */
export function typeByContent(data: Buffer): ImageType | "gif" | "bmp" | "tiff" | "webp" | "nothing" | "unknown" {
  const text = data.subarray(0, 12).toString("latin1");
  if (data.length === 0) return "nothing";
  if (data.subarray(0, 8).equals(PNG_SIGNATURE)) return "png";
  if (data[0] === 0xff && data[1] === 0xd8 && data[2] === 0xff) return "jpeg";
  if (text.startsWith("GIF8")) return "gif";
  if (text.startsWith("BM")) return "bmp";
  if (text.startsWith("II*\0") || text.startsWith("MM\0*")) return "tiff";
  if (text.startsWith("RIFF") && text.endsWith("WEBP")) return "webp";
  return "unknown";
}

/**
 * Reads a file without keeping its picture. GStreamer's decoders skip a broken file in silence, end the stream at
 * it, or deliver whatever lay in memory, and mix up the channels of a 16-bit PNG (pngdec 1.22); so the file is judged
 * before it gets there. A PNG is checked wholly, checksums and compressed pixels; of a JPEG the structure, since
 * its pixels carry no checksum and every decoder makes something of them.
 *
 * @param name for the message
 * @throws InputError "image-broken" or "image-unsupported"
 */
export async function checkImage(name: string, type: ImageType, data: Buffer): Promise<ImageSize> {
  return type === "png" ? checkPng(name, data) : checkJpeg(name, data);
}

async function checkPng(name: string, data: Buffer): Promise<ImageSize> {
  let header: PngHeader | undefined;
  const pixels: Buffer[] = [];
  for (let offset = PNG_SIGNATURE.length; offset + PNG_CHUNK_OVERHEAD <= data.length;) {
    const length = data.readUInt32BE(offset);
    const end = offset + PNG_CHUNK_OVERHEAD + length;
    if (end > data.length) break;
    const type = data.toString("latin1", offset + 4, offset + 8);
    if (crc32(data.subarray(offset + 4, end - 4)) !== data.readUInt32BE(end - 4)) {
      throw broken(name, `its ${type} chunk at byte ${offset} has a wrong checksum`);
    }
    if (type === "IHDR" && length >= 13) header = pngHeader(name, data, offset + 8);
    if (type === "IDAT") pixels.push(data.subarray(offset + 8, end - 4));
    if (type === "IEND") {
      if (header === undefined) throw broken(name, "it has no header");
      await checkPixels(name, pixels, header.rawBytes);
      return { width: header.width, height: header.height };
    }
    offset = end;
  }
  throw broken(name, `it ends after ${data.length} bytes, before its last chunk`);
}

function pngHeader(name: string, data: Buffer, offset: number): PngHeader {
  const [width, height] = [data.readUInt32BE(offset), data.readUInt32BE(offset + 4)];
  const [depth, channels] = [data.readUInt8(offset + 8), PNG_CHANNELS[data.readUInt8(offset + 9)]];
  if (channels === undefined) throw broken(name, "its header names no colour type");
  if (!PNG_DEPTHS.includes(depth)) throw unsupported(name, `a PNG of ${depth} bits per channel`, "up to 8 bits");
  const passes = data.readUInt8(offset + 12) === 0 ? [[0, 0, 1, 1] as const] : ADAM7;
  let rawBytes = 0;
  for (const [firstRow, firstColumn, rowStep, columnStep] of passes) {
    const rows = Math.max(0, Math.ceil((height - firstRow) / rowStep));
    const columns = Math.max(0, Math.ceil((width - firstColumn) / columnStep));
    if (columns > 0) rawBytes += rows * (1 + Math.ceil((columns * channels * depth) / 8));
  }
  return { width, height, rawBytes };
}

/** Inflates in pieces, off this thread, and keeps none of them. */
async function checkPixels(name: string, compressed: readonly Buffer[], rawBytes: number): Promise<void> {
  const inflate = createInflate({ chunkSize: INFLATE_CHUNK });
  let bytes = 0;
  try {
    for (const piece of compressed) inflate.write(piece);
    inflate.end();
    for await (const piece of inflate) bytes += (piece as Buffer).length;
  } catch (error) {
    throw broken(name, `its pixels do not decompress (${reasonOf(error)})`);
  }
  if (bytes < rawBytes) throw broken(name, `it holds ${bytes} of the ${rawBytes} bytes of its pixels`);
}

function checkJpeg(name: string, data: Buffer): ImageSize {
  let size: ImageSize | undefined;
  for (let offset = 2; offset + 4 <= data.length;) {
    if (data[offset] !== 0xff) throw broken(name, `byte ${offset} should begin a marker`);
    const marker = data.readUInt8(offset + 1);
    // A marker may be preceded by any number of fill bytes.
    if (marker === 0xff) {
      offset += 1;
      continue;
    }
    const end = offset + 2 + data.readUInt16BE(offset + 2);
    if (end > data.length) break;
    if (isFrameHeader(marker)) size = jpegHeader(name, data, offset, marker);
    if (marker === 0xda) {
      if (size === undefined) throw broken(name, "its picture begins before its header");
      if (data.lastIndexOf(Buffer.from([0xff, 0xd9])) < end) throw broken(name, "its end is missing");
      return size;
    }
    offset = end;
  }
  throw broken(name, `it ends after ${data.length} bytes, before its picture begins`);
}

/** SOF0 to SOF15, without the tables and restart codes that share their range (ITU-T T.81, table B.1). */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function jpegHeader(name: string, data: Buffer, offset: number, marker: number): ImageSize {
  if (offset + 10 > data.length) throw broken(name, "its header is cut off");
  const depth = data.readUInt8(offset + 4);
  const components = data.readUInt8(offset + 9);
  if (marker > 0xc2) throw unsupported(name, `a JPEG of process ${marker - 0xc0}`, "baseline, extended or progressive");
  if (depth !== 8) throw unsupported(name, `a JPEG of ${depth} bits per channel`, "8 bits");
  if (components !== 1 && components !== 3)
    throw unsupported(name, `a JPEG of ${components} channels`, "grey or colour");
  return { width: data.readUInt16BE(offset + 7), height: data.readUInt16BE(offset + 5) };
}

function broken(name: string, why: string): InputError {
  return new InputError("image-broken", `Expected a whole image in ${name} but ${why}`);
}

function unsupported(name: string, what: string, expected: string): InputError {
  return new InputError("image-unsupported", `Expected ${expected} but ${name} is ${what}; convert it`);
}
