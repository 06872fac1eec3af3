import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { resetCamera } from "../../src/capture/camera-reset.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { CameraHost } from "../../src/daemon/camera-host.ts";
import { FaultBoard } from "../../src/daemon/fault-board.ts";
import type { RestartLimits } from "../../src/daemon/restart-policy.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import { temporaryFolder } from "../capture/pictures.ts";
import { FakeCamera } from "../support/fake-camera.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/until.ts";

const run = promisify(execFile);
const PATH = process.env["PATH"] ?? "";
const NEVER = new AbortController().signal;

/** A camera under a host, and what it told. */
async function startHost(t: TestContext, camera: object, limits: RestartLimits) {
  const folder = await temporaryFolder(t);
  const station = { line: "line1", name: "st1", mode: "continuous", bank: "none.bank", camera };
  const document = { site: "test", device: "bench", stateFolder: folder, stations: [station] };
  const [config] = parseConfig(JSON.stringify(document), `${folder}/config.json`, {}).config.stations;
  assert.ok(config !== undefined);
  const log = new KeptLog();
  const told: string[] = [];
  const found = (): string | null => faults.faults.find(({ reason }) => reason === "camera-unsteady")?.detail ?? null;
  const faults: FaultBoard = new FaultBoard({
    ...{ subject: "line1/st1", clock: systemClock, logger: log, onChange: () => told.push(found() ?? "over") },
  });
  const host = new CameraHost({
    ...{ station: config, sharedMemoryFolder: folder, clock: systemClock, logger: log, faults, limits },
    listener: {
      cameraPlaying: () => undefined,
      cameraFrame: (frame, client) => client.release(frame),
      cameraDropped: () => undefined,
      cameraEnded: () => undefined,
      cameraDown: () => undefined,
    },
  });
  t.after(() => host.close());
  host.start();
  return { host, log, told };
}

test("a camera that cannot be reset is told to be unsteady once its restarts are spent, and that it has no reset", async (t) => {
  const limits = { firstDelayMs: 10, largestDelayMs: 10, budget: 2, windowMs: 120_000 };
  const { told, log } = await startHost(t, { source: "v4l2", device: "/dev/video99" }, limits);
  await until("what came of the reset", () => told.length === 2);
  assert.match(told[0] ?? "", /^tried again each 0 s; last loss: .*video99/);
  assert.match(told[1] ?? "", /; reset: a source of kind v4l2 has none$/);
  const losses = log.lines.filter(({ msg }) => msg.startsWith("capture of line1/st1 lost"));
  assert.ok(losses.length >= 3);
  assert.match(losses[2]?.msg ?? "", /restart budget spent/);
});

test("a GenICam camera with DeviceReset gets it, once, after its heartbeat; one without says so", async (t) => {
  const camera = new FakeCamera();
  t.after(() => camera.stop());
  await camera.start();
  const source = { kind: "aravis", camera: camera.address, features: "" } as const;
  assert.equal(await resetCamera(source, PATH, NEVER), "the camera has none");
  assert.match(
    await resetCamera({ ...source, camera: "Nobody-1" }, PATH, NEVER),
    /did not take it: Device 'Nobody-1' not found/,
  );
  assert.match(await resetCamera(source, "/nowhere", NEVER), /arv-tool-0\.8 is not installed/);

  // The fake camera's own description with a command that writes 7 into a register that means nothing to it.
  const tool = ["-a", camera.address];
  const { stdout } = await run("arv-tool-0.8", [...tool, "genicam"]);
  const command =
    '<Command Name="DeviceReset" NameSpace="Standard"><pValue>TestRegister</pValue><CommandValue>7</CommandValue></Command>';
  const description = stdout
    .slice(stdout.indexOf("<?xml"))
    .replace("<pFeature>DeviceVendorName", "<pFeature>DeviceReset</pFeature>$&")
    .replace('<IntReg Name="TestRegister"', `${command}$&`);
  const file = join(await temporaryFolder(t), "camera.xml");
  await writeFile(file, description);
  await camera.unplug();
  await camera.plugIn(file);
  const register = async (): Promise<string> =>
    (await run("arv-tool-0.8", [...tool, "control", "TestRegister"])).stdout;
  assert.doesNotMatch(await register(), /TestRegister = 7 /);

  const limits = { firstDelayMs: 10, largestDelayMs: 10, budget: 0, windowMs: 5_000 };
  const settings = { source: "aravis", device: camera.address, width: 512, height: 512, framerate: 10 };
  const { log, told, host } = await startHost(t, settings, limits);
  const playing = (): number => log.lines.filter(({ msg }) => msg === "camera is playing").length;
  await until("the camera", () => playing() === 1);
  process.kill(Number(log.lines.find(({ msg }) => msg === "camera is playing")?.["childPid"]), "SIGKILL");
  await until("the reset", () => told.length === 2);
  assert.match(told[1] ?? "", /; reset: the camera took it$/);
  await until("the camera again", () => playing() === 2);
  await until("a steady camera", () => told.at(-1) === "over");
  await host.close();
  assert.match(await register(), /TestRegister = 7 /);
});
