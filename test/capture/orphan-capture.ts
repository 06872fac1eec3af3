import { CaptureClient } from "../../src/capture/capture-client.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { systemClock } from "../../src/shared/system-clock.ts";

/** A daemon that a test kills: prints its capture process's id when frames come. The argument holds the slots. */
let told = false;
const client = new CaptureClient({
  settings: {
    station: "st1",
    source: { kind: "test", pattern: "ball" },
    delivery: "freshest",
    slotCount: 2,
    captureLatencyMs: 0,
    firstFrameTimeoutMs: 30_000,
    frameTimeoutMs: 30_000,
  },
  sharedMemoryFolder: process.argv[2] ?? "/dev/shm",
  logger: silentLogger,
  clock: systemClock,
  onPlaying: () => undefined,
  onFrame: (frame) => {
    if (!told) process.stdout.write(`${client.pid ?? 0}\n`);
    told = true;
    client.release(frame);
  },
  onDropped: () => undefined,
  onEnded: () => undefined,
  onLost: () => undefined,
});
await client.start();
