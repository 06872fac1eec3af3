import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Server } from "node:net";

/** The control port of GigE Vision; the fake camera has no other. */
const CONTROL_PORT = 3956;
const START_DEADLINE_MS = 10_000;
/** Test files run side by side, and there can be one fake camera: who listens here has it. */
const LOCK_PORT = 39_560;
const LOCK_DEADLINE_MS = 200_000;
const LOCK_RETRY_MS = 250;

/**
 * The fake GigE Vision camera of Debian's aravis-tools on the loopback: 512 × 512 frames of a moving ramp. There can
 * be one at a time, and it refuses a new controller for about 3 s after the last one vanished.
 */
export class FakeCamera {
  /** What an aravis source is given as its camera. */
  readonly address = "127.0.0.1";
  #process: ChildProcess | undefined;
  #lock: Server | undefined;

  /** Waits for its turn, then starts. Resolves when the camera answers. */
  async start(): Promise<void> {
    this.#lock ??= await takeLock();
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
    if (camera !== undefined && camera.exitCode === null && camera.signalCode === null) {
      const exited = once(camera, "exit");
      camera.kill("SIGKILL");
      await exited;
    }
    this.#lock?.close();
    this.#lock = undefined;
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

async function takeLock(): Promise<Server> {
  for (const endMs = Date.now() + LOCK_DEADLINE_MS; ;) {
    const server = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen({ port: LOCK_PORT, host: "127.0.0.1", exclusive: true }, () => resolve(true));
    });
    // A test that ends without stopping its camera must not be kept alive by the lock.
    if (taken) return server.unref();
    if (Date.now() > endMs) throw new Error(`Expected the fake camera to be free within ${LOCK_DEADLINE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
  }
}
