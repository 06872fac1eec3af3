import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { PlcResult } from "../../src/mqtt/payloads.ts";
import type { NominaldProcess } from "../support/daemon-process.ts";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";

const DEGRADED = 0x10;
const BALL = { source: "test", pattern: "ball", width: 64, height: 64, framerate: 20 };

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

function start(stateFolder: string): Promise<NominaldProcess> {
  const pictures = { mask: false, overlay: false };
  const station = { mode: "triggered", pictures };
  return line.run({ broker: broker.url, camera: BALL, station, device: { stateFolder } });
}

/** A PLC of a session of its own that sends one part after the other. */
async function plcOf(session: string) {
  const client = await LineClient.connect(broker.url);
  let seq = 0;
  const results = (): PlcResult[] => client.results().filter((result) => result.session === session);
  return {
    client,
    /** Until the station says so after this call. */
    ready: async (): Promise<void> => {
      const from = client.messages.length;
      const isReady = () =>
        client.messages
          .slice(from)
          .some(({ topic, payload, retain }) => topic === "plc/state" && !retain && String(payload) === "3");
      await until("a station that is ready", isReady);
    },
    part: async (): Promise<PlcResult> => {
      seq++;
      const before = results().length;
      await client.publish("plc/trigger", `${session};${seq};;`);
      await until(`the result of ${seq}`, () => results().length > before);
      const result = results().at(-1);
      assert.ok(result !== undefined && result.seq === seq);
      return result;
    },
  };
}

test("on a full disk the station goes on, with flag 10 and a fault, and without both when there is room again", async (t) => {
  const stateFolder = await smallTmpfs(t, "size=1m");
  if (stateFolder === null) return;
  const plc = await plcOf("full");
  const daemon = await start(stateFolder);
  try {
    await plc.ready();
    assert.equal((await plc.part()).flags & DEGRADED, 0);
    const ballast = join(stateFolder, "ballast");
    await fill(ballast);
    let degraded = await plc.part();
    for (let tries = 0; tries < 100 && (degraded.flags & DEGRADED) === 0; tries++) degraded = await plc.part();
    assert.equal(degraded.flags & DEGRADED, DEGRADED);
    assert.equal(degraded.verdict, "FAIL", "the verdict stands");
    const fault = await plc.client.fault("storage-failed");
    assert.match(fault.detail ?? "", /outbox\.sqlite but the disk is full/);
    assert.notEqual(plc.client.texts("plc/state").at(-1), "8", "a fault that stops nothing");
    await rm(ballast);
    await until("no fault", () => plc.client.ownFaults()?.length === 0);
    assert.equal((await plc.part()).flags & DEGRADED, 0);
  } finally {
    await daemon.dispose();
    await plc.client.close();
  }
});

/** Takes all the room that is left. */
async function fill(file: string): Promise<void> {
  for (let bytes = 2 ** 20; bytes >= 1_024; bytes /= 2) {
    try {
      while (true) await writeFile(file, new Uint8Array(bytes), { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
}

test("a database that is damaged while the daemon is down is moved aside, which is said, and a new one keeps what comes", async () => {
  const stateFolder = join(line.folder, "damaged");
  await mkdir(stateFolder);
  const file = join(stateFolder, "outbox.sqlite");
  const plc = await plcOf("damage");
  let daemon = await start(stateFolder);
  try {
    await plc.ready();
    await plc.part();
    // After a kill the write-ahead log would still hold every page, and nothing would be lost with the file.
    daemon.kill("SIGTERM");
    await daemon.finished;
    const junk = Buffer.from("no database at all ".repeat(1_000));
    await writeFile(file, junk);
    daemon = await start(stateFolder);
    await plc.ready();
    const logged = await daemon.logged("the damage", ({ msg }) => msg.includes("the database was damaged"));
    assert.equal(logged.level, "error");
    await until("the state", () => typeof plc.client.states().at(-1)?.storage.setAside === "string");
    const setAside = plc.client.states().at(-1)?.storage.setAside ?? "";
    assert.deepEqual(await readFile(setAside), junk);
    const result = await plc.part();
    assert.deepEqual([result.verdict, result.flags], ["FAIL", 0]);
    // The new one is on the disk: after another kill the trigger is known, and its outcome comes as a copy.
    daemon.kill("SIGKILL");
    await daemon.finished;
    daemon = await start(stateFolder);
    await plc.ready();
    const heard = plc.client.results().length;
    await plc.client.publish("plc/trigger", `damage;${result.seq};;`);
    await until("the copy", () => plc.client.results().length > heard);
    assert.deepEqual(plc.client.results().at(-1), { ...result, flags: 0x01 });
  } finally {
    await daemon.dispose();
    await plc.client.close();
  }
});
