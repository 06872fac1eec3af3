import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";

/** The control port of GigE Vision; the fake camera has no other. */
const CONTROL_PORT = 3956;
const START_DEADLINE_MS = 10_000;

/**
 * The fake GigE Vision camera of Debian's aravis-tools on the loopback: 512 × 512 frames of a moving ramp. There can
 * be one at a time, and it refuses a new controller for about 3 s after the last one vanished.
 */
export class FakeCamera {
  /** What an aravis source is given as its camera. */
  readonly address = "127.0.0.1";
  #process: ChildProcess | undefined;

  /** Resolves when the camera answers. */
  async start(): Promise<void> {
    const camera = spawn("arv-fake-gv-camera-0.8", ["-i", this.address, "-s", "GV01"], { stdio: "ignore" });
    this.#process = camera;
    let failure: Error | undefined;
    camera.on("error", (error) => (failure = error));
    camera.on("exit", (code) => (failure ??= new Error(`The fake camera ended with ${code}`)));
    for (const endMs = Date.now() + START_DEADLINE_MS; !(await this.#answers());) {
      if (failure !== undefined) throw failure;
      if (Date.now() > endMs) throw new Error(`Expected the fake camera to answer within ${START_DEADLINE_MS} ms`);
    }
  }

  /** Ends it as a pulled plug does: without a word to its controller. Idempotent. */
  async stop(): Promise<void> {
    const camera = this.#process;
    if (camera === undefined || camera.exitCode !== null || camera.signalCode !== null) return;
    const exited = once(camera, "exit");
    camera.kill("SIGKILL");
    await exited;
  }

  /** Sends one discovery command (GigE Vision, 14.1) and waits a moment for its acknowledgement. */
  async #answers(): Promise<boolean> {
    const socket = createSocket("udp4");
    try {
      return await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), 200);
        const done = (answered: boolean): void => {
          clearTimeout(timer);
          resolve(answered);
        };
        socket.on("message", () => done(true));
        // The port is closed until the camera listens, which the socket may be told.
        socket.on("error", () => undefined);
        socket.send(Buffer.from([0x42, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01]), CONTROL_PORT, this.address);
      });
    } finally {
      socket.close();
    }
  }
}
