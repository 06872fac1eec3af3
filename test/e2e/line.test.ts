import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { intersectionOverUnion } from "../../src/patchcore/metrics.ts";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { PART_SIZE, slotFolders, TestLine, writeParts } from "../support/test-line.ts";
import { isAlive, until } from "../support/until.ts";

let broker: Mosquitto;
let line: TestLine;

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare();
});

after(async () => {
  await broker.dispose();
  await line.dispose();
});

/**
 * Intersection over union of mask and true defect. The mask is what the smoothed map has above the largest value of any
 * nominal image, wider than the defect: over 16 stains and 16 missing holes it is 0.20 and 0.31 in the mean; these are
 * 0.27 and more.
 */
const LEAST_OVERLAP = 0.2;

/**
 * Defects with an extent that a mask can overlap, moderate ones: around a very strong one the smoothed map is above the
 * mask threshold far beyond the defect.
 */
const DEFECTS = ["missing-hole", "missing-hole", null, "stain", "missing-hole", null, null, null] as const;

test("every part that passes the camera gets its verdict, in order, with pictures that show the defect", async () => {
  const parts = await writeParts(`${line.folder}/parts`, DEFECTS, 5_000);
  const client = await LineClient.connect(broker.url);
  const camera = { source: "folder", path: `${line.folder}/parts`, loop: false, paced: true, framerate: 4 };
  const daemon = await line.run({ broker: broker.url, camera });
  try {
    await until("all records", () => client.records().length === parts.length);
    await until("the last overlay", () => client.payloads("image/overlay").length === parts.length);
    const results = client.results();
    assert.deepEqual(
      results.map(({ seq }) => seq),
      parts.map((_, i) => i + 1),
    );
    assert.deepEqual(
      results.map(({ verdict }) => verdict),
      parts.map(({ defect }) => (defect === null ? "PASS" : "FAIL")),
    );
    assert.ok(client.payloads("plc/result").every((payload) => payload.length === 96));
    assert.ok(
      client.records().every(({ clockSync }) => ["synchronised", "unsynchronised", "unknown"].includes(clockSync)),
    );
    const versions = Object.keys(client.states().at(-1)?.versions ?? {});
    assert.deepEqual(versions.sort(), ["gstreamer", "node", "nominald", "onnxruntime", "sharp"]);
    for (const [i, part] of parts.entries()) {
      const mask = client.payloads("image/mask")[i];
      const overlay = client.payloads("image/overlay")[i];
      assert.equal((await sharp(overlay).metadata()).format, "jpeg");
      if (part.mask === null) continue;
      const found = await sharp(mask)
        .resize(PART_SIZE, PART_SIZE, { kernel: "nearest" })
        .extractChannel(0)
        .raw()
        .toBuffer();
      const iou = intersectionOverUnion(found, part.mask);
      assert.ok(iou > LEAST_OVERLAP, `IoU ${iou.toFixed(2)} of part ${i + 1}, ${part.defect}`);
      const elsewhere = intersectionOverUnion(found.toReversed(), part.mask);
      assert.ok(elsewhere < iou / 2, `IoU ${elsewhere.toFixed(2)} of part ${i + 1} with the mask turned by 180°`);
    }
    await until("halted", () => client.texts("plc/state").at(-1) === "9");
    daemon.kill("SIGTERM");
    assert.equal((await daemon.finished).code, 0);
    await until("status 0", () => client.texts("status").at(-1) === "0");
    assert.deepEqual(await slotFolders(daemon.pid), []);
  } finally {
    await daemon.dispose();
    await client.close();
  }
});

test("when the daemon is killed its will says so and its children die with it", async () => {
  const client = await LineClient.connect(broker.url);
  const camera = { source: "test", pattern: "ball", width: 320, height: 240, framerate: 10 };
  const daemon = await line.run({ broker: broker.url, camera, station: { mode: "continuous" } });
  try {
    await until("a verdict", () => client.results().length > 0);
    const children = [...(await daemon.children("capture.child")), ...(await daemon.children("inference.child"))];
    assert.equal(children.length, 2);
    daemon.kill("SIGKILL");
    await until("the will", () => client.texts("status").at(-1) === "0");
    await until("the children's end", async () => {
      const alive = await Promise.all(children.map((pid) => isAlive(pid)));
      return alive.every((one) => !one);
    });
  } finally {
    await daemon.dispose();
    await client.close();
  }
});
