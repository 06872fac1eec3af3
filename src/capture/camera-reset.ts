import { execFile } from "node:child_process";
import { isIP } from "node:net";
import { arvTool } from "./genicam-cameras.ts";
import type { CaptureSource } from "./protocol.ts";

/** What came of it, in words that follow "reset:". */
export type ResetOutcome = string;

/** Finding and opening a camera takes some seconds; one that resets at once may never answer, ms. */
const DEADLINE_MS = 15_000;
/** What the tool says when the camera took the command. */
const EXECUTED = "DeviceReset executed";

/**
 * Tells a camera to start itself anew, as pulling its plug would: GenICam's command DeviceReset (SFNC 2.13), through
 * aravis' own tool, so that the daemon loads no camera library. Nobody else may hold the camera, and its heartbeat must be over.
 *
 * @param path folders separated by colons, in which the tool is looked for
 * @param signal ends the tool
 * @returns never rejects: a camera that cannot be reset is the common case
 */
export async function resetCamera(source: CaptureSource, path: string, signal: AbortSignal): Promise<ResetOutcome> {
  if (source.kind !== "aravis") return `a source of kind ${source.kind} has none`;
  const tool = arvTool(path);
  if (tool === null) return "arv-tool-0.8 is not installed (Debian: aravis-tools)";
  const which = isIP(source.camera) === 0 ? "--name" : "--address";
  return new Promise((resolve) => {
    const limits = { timeout: DEADLINE_MS, killSignal: "SIGKILL", signal } as const;
    execFile(tool, [which, source.camera, "control", "DeviceReset"], limits, (error, stdout, stderr) => {
      const said = `${stdout}\n${stderr}`.trim();
      // The tool exits with 0 whatever becomes of the command.
      if (said.includes(EXECUTED)) resolve("the camera took it");
      else if (/Feature 'DeviceReset' not found/.test(said)) resolve("the camera has none");
      else resolve(`the camera did not take it: ${said === "" ? (error?.message ?? "not a word") : said}`);
    });
  });
}
