import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { minimumRespawnDelayMs } from "../../src/capture/respawn-delay.ts";
import { FakeCamera } from "../support/fake-camera.ts";
import { examine, expectLine } from "./examine.ts";

test("a GigE camera is opened, measured and let go; a size that it has not and its absence are fails", async (t) => {
  const fake = new FakeCamera();
  t.after(() => fake.stop());
  await fake.start();
  const camera = { source: "aravis", device: fake.address, width: 512, height: 512, framerate: 20 };
  const pause = (): Promise<void> => sleep(minimumRespawnDelayMs({ kind: "aravis", camera: "", features: "" }));

  const well = await examine(t, ["camera"], { camera });
  expectLine(well, "gstreamer", "ok", /aravissrc/);
  expectLine(well, "mtu", "ok", /^lo, the interface towards 127\.0\.0\.1, has an MTU of \d+/);
  expectLine(well, "camera", "ok", /GenICam camera 127\.0\.0\.1 delivers 512 × 512/);
  // Its sensor has 2048 × 2048 pixels.
  expectLine(well, "caps", "ok", /format=GRAY8, width=\[ 1, 2048 \]/);
  expectLine(well, "latency", "ok", /from the source's time stamp to delivery/);

  await pause();
  const wide = await examine(t, ["camera"], { camera: { ...camera, width: 9_999 } });
  expectLine(wide, "camera", "fail", /to give width=9999/, /camera\.width/);

  await fake.unplug();
  const away = await examine(t, ["camera"], { camera });
  expectLine(away, "camera", "fail", /GenICam camera 127\.0\.0\.1/, /power, cable and address/);
});
