import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { crc32 } from "node:zlib";
import sharp from "sharp";

export type Colour = readonly [red: number, green: number, blue: number];

/** @returns a picture of one colour, encoded */
export async function picture(
  type: "png" | "jpeg" | "webp",
  width: number,
  height: number,
  [r, g, b]: Colour,
): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    .toFormat(type)
    .toBuffer();
}

/** A folder that goes with the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A chunk of a PNG with its right checksum. */
export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}
