import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { renderPart } from "../../src/cli/demo/render-part.ts";
import { codeOf } from "../../src/station/reasons.ts";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, PART_SIZE, TestLine } from "../support/test-line.ts";

let broker: Mosquitto;
let line: TestLine;
let path = "";

/** The washer covers the middle left of the hole; a square there is metal, and belt when no washer lies there. */
const PART_REGION = "100,220,40,40";

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS, ["--part-region", PART_REGION]);
  path = join(line.folder, "frames");
  await writeFrames(path);
});

after(async () => {
  await broker.dispose();
  await line.dispose();
});

/** A good part, then each way in which its frame can show nothing, then the good part again. */
async function writeFrames(folder: string): Promise<void> {
  await mkdir(folder);
  const { image } = await renderPart({ seed: 77, defect: null, size: PART_SIZE });
  const raw = { raw: { width: image.width, height: image.height, channels: 3 as const } };
  const write = async (number: number, data: Uint8Array): Promise<void> => {
    await sharp(data, raw)
      .png({ compressionLevel: 1 })
      .toFile(join(folder, `${number}.png`));
  };
  await write(1, image.data);
  await write(
    2,
    image.data.map((level) => level * 0.3),
  );
  await write(
    3,
    image.data.map((level) => Math.min(255, level * 4)),
  );
  await write(4, await sharp(image.data, raw).blur(6).raw().toBuffer());
  // The belt beside the washer, laid over it.
  const corner = await sharp(image.data, raw).extract({ left: 0, top: 0, width: 60, height: 60 }).raw().toBuffer();
  const tile = { input: corner, raw: { width: 60, height: 60, channels: 3 as const }, tile: true };
  await write(5, await sharp(image.data, raw).composite([tile]).raw().toBuffer());
  await write(6, image.data);
}

test("frames that are dark, overexposed, blurred or without a part get no verdict, each with its code", async () => {
  const client = await LineClient.connect(broker.url);
  const camera = { source: "folder", path };
  const daemon = await line.run({ broker: broker.url, camera, station: { validity: { check: true } } });
  try {
    await client.until("six results", () => client.results().length === 6);
    const invalid = (["frame-dark", "frame-saturated", "frame-blurred", "no-part"] as const).map((reason) =>
      codeOf(reason),
    );
    assert.deepEqual(
      client.results().map(({ code }) => code),
      ["0000", ...invalid, "0000"],
    );
    assert.ok(client.results().every(({ verdict, code }) => (verdict === "NO_VERDICT") === (code !== "0000")));
    const dark = await daemon.logged("the dark frame", ({ msg }) => msg.includes("brightness of at least"));
    assert.match(dark.msg, /frame was not scored: Expected a brightness of at least [0-9.]+ of the frame but received/);
  } finally {
    await daemon.dispose();
    await client.close();
  }
});

test("a station that checks no frames scores them all", async () => {
  const client = await LineClient.connect(broker.url);
  const daemon = await line.run({ broker: broker.url, camera: { source: "folder", path } });
  try {
    await client.until("six results", () => client.results().length === 6);
    assert.ok(client.results().every(({ verdict }) => verdict !== "NO_VERDICT"));
  } finally {
    await daemon.dispose();
    await client.close();
  }
});
