import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** The control port of GigE Vision; the fake camera has no other. */
const CONTROL_PORT = 3956;
const START_DEADLINE_MS = 60_000;
/**
 * Held by the test that has the camera: the camera's port as a TCP port, which it does not use. A port goes with its
 * process however that ends.
 */
const LOCK_PORT = CONTROL_PORT;
/** Longer than a test may have the camera. */
const LOCK_DEADLINE_MS = 240_000;

/**
 * The fake GigE Vision camera of Debian's aravis-tools on the loopback: 512 × 512 frames of a moving ramp. There can
 * be one at a time on a machine, so test files that run at once wait for each other; and it refuses a new controller for
 * about 3 s after the last one vanished.
 */
export class FakeCamera {
  /** What an aravis source is given as its camera. */
  readonly address = "127.0.0.1";
  #process: ChildProcess | undefined;
  #lock: Server | undefined;
  #description: readonly string[] = [];

  /** Waits until no other test has the camera; resolves when it answers. Call `stop` even if it fails. */
  async start(): Promise<void> {
    const endMs = Date.now() + LOCK_DEADLINE_MS;
    this.#lock = await taken(() => lockServer(), "the lock of the fake camera", endMs);
    // A camera of somebody else's, outside these tests, would answer in place of ours.
    (await taken(() => controlSocket(), `UDP port ${CONTROL_PORT}`, endMs)).close();
    await this.plugIn();
  }

  /** @param genicam a file that describes the camera in place of its own description */
  async plugIn(genicam: string | null = null): Promise<void> {
    this.#description = genicam === null ? [] : ["-g", genicam];
    await this.#spawn();
  }

  async #spawn(): Promise<void> {
    const camera = spawn("arv-fake-gv-camera-0.8", ["-i", this.address, "-s", "GV01", ...this.#description], {
      stdio: "ignore",
    });
    this.#process = camera;
    let failure: Error | undefined;
    camera.on("error", (error) => (failure = error));
    camera.on("exit", (code) => (failure ??= new Error(`The fake camera ended with ${code}`)));
    for (const endMs = Date.now() + START_DEADLINE_MS; !(await this.#answers());) {
      if (failure !== undefined) throw failure;
      if (Date.now() > endMs) throw new Error(`Expected the fake camera to answer within ${START_DEADLINE_MS} ms`);
    }
  }

  /** Ends it, and gives it free for other tests. Idempotent. */
  async stop(): Promise<void> {
    await this.unplug();
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** Ends it as a pulled plug does: without a word to its controller. No other test has it yet. */
  async unplug(): Promise<void> {
    const camera = this.#process;
    if (camera?.pid !== undefined && camera.exitCode === null && camera.signalCode === null) {
      const exited = once(camera, "exit");
      camera.kill("SIGKILL");
      await exited;
    }
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

/** Tries until it is free. */
async function taken<T>(take: () => Promise<T | null>, what: string, endMs: number): Promise<T> {
  for (;;) {
    const got = await take();
    if (got !== null) return got;
    if (Date.now() > endMs) throw new Error(`Expected ${what} to come free within ${LOCK_DEADLINE_MS} ms`);
    await sleep(100);
  }
}

/** @returns null when another process has it */
async function lockServer(): Promise<Server | null> {
  const server = createServer();
  return (await bound(server, () => server.listen(LOCK_PORT, "127.0.0.1"))) ? server : null;
}

/** @returns null when another process has the port */
async function controlSocket(): Promise<Socket | null> {
  const socket = createSocket("udp4");
  return (await bound(socket, () => socket.bind(CONTROL_PORT, "127.0.0.1"))) ? socket : null;
}

async function bound(one: Server | Socket, bind: () => void): Promise<boolean> {
  return new Promise((resolve, reject) => {
    one.once("listening", () => resolve(true));
    one.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    bind();
  });
}
