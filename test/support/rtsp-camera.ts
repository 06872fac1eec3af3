import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const SERVER = fileURLToPath(new URL("./rtsp-server.py", import.meta.url));

export interface RtspCamera {
  readonly url: string;
  /** Ends it without a word to its clients. Idempotent. */
  readonly unplug: () => Promise<void>;
}

/**
 * GStreamer's own RTSP server with a test picture, 320 × 240 at 10 frames a second; gone with the test.
 *
 * @param login what it demands; absent: nothing
 */
export async function startRtspCamera(
  t: TestContext,
  login?: { readonly username: string; readonly password: string },
): Promise<RtspCamera> {
  const words = login === undefined ? [] : [login.username, login.password];
  // Debian's bindings belong to Debian's Python, which need not be the first on the PATH.
  const server = spawn("/usr/bin/python3", [SERVER, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(server, "exit");
  const unplug = async (): Promise<void> => {
    server.kill("SIGKILL");
    await exited;
  };
  t.after(unplug);
  for await (const line of createInterface({ input: server.stdout })) {
    return { url: `rtsp://127.0.0.1:${Number(line)}/cam`, unplug };
  }
  throw new Error("Expected the RTSP server to print its port but it ended");
}
