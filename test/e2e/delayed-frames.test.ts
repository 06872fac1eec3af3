import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/shared/system-clock.ts";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";

const PARTS = 10;
/** Frames lie in the pipeline this long. */
const DELAY_MS = 400;
/** What the station is told of it, with room for a loaded machine. */
const LATENCY_MS = 1_200;

let broker: Mosquitto;
let line: TestLine;

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS);
});

after(async () => {
  await broker.dispose();
  await line.dispose();
});

/**
 * Ten parts on a station whose camera holds every frame back in its pipeline.
 *
 * @returns how long after its trigger the frame was taken that each verdict rests on, ms
 */
async function framesAfterTriggers(session: string, captureLatencyMs: number): Promise<readonly number[]> {
  const notes = join(line.folder, `${session}.notes`);
  const client = await LineClient.connect(broker.url);
  const daemon = await line.run({
    broker: broker.url,
    camera: { source: "test", width: 64, height: 64, slots: 16, captureLatencyMs },
    station: { mode: "triggered" },
    environment: {
      NODE_OPTIONS: `--import ${fileURLToPath(new URL("../support/delayed-camera.mjs", import.meta.url))}`,
      DELAYED_CAMERA: `${DELAY_MS} ${notes}`,
    },
  });
  try {
    await client.until("ready", () =>
      client.messages.some(({ topic, payload, retain }) => topic === "plc/state" && !retain && String(payload) === "3"),
    );
    const triggeredAtMs: number[] = [];
    for (let seq = 1; seq <= PARTS; seq++) {
      triggeredAtMs.push(systemClock.monotonicMs());
      await client.publish("plc/trigger", `${session};${seq};;`);
      await sleep(200);
    }
    const records = () => client.records().filter((record) => record.session === session);
    await client.until("all records", () => records().length === PARTS);
    const takenAtMs = new Map(
      (await readFile(notes, "utf8"))
        .trim()
        .split("\n")
        .map((text) => text.split(" ").map(Number) as [number, number]),
    );
    return records().flatMap(({ verdict, captureSeq, seq }) => {
      if (verdict === "NO_VERDICT") return [];
      return [(takenAtMs.get(captureSeq ?? 0) ?? NaN) - (triggeredAtMs[seq - 1] ?? NaN)];
    });
  } finally {
    await daemon.dispose();
    await client.close();
    await rm(notes, { force: true });
  }
}

test("frames that lie in the camera's pipeline for 400 ms are never scored for a part that was triggered after they were taken", async (t) => {
  const ages = await framesAfterTriggers("delayed", LATENCY_MS);
  t.diagnostic(`frames after their triggers, ms: ${ages.map(Math.round).join(" ")}`);
  assert.ok(ages.length > 0, "there were verdicts");
  assert.ok(
    ages.every((ageMs) => ageMs > 0),
    ages.join(),
  );
});

test("a station that is told of no latency takes such frames: so what keeps them out is captureLatencyMs", async (t) => {
  const ages = await framesAfterTriggers("untold", 0);
  t.diagnostic(`frames after their triggers, ms: ${ages.map(Math.round).join(" ")}`);
  assert.ok(
    ages.some((ageMs) => ageMs < 0),
    ages.join(),
  );
});
