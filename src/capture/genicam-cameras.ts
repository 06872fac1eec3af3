import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { DeviceError } from "../shared/errors.ts";

export interface GenicamCamera {
  /** Vendor, model and serial number, as aravis joins them; an aravis source takes it too. */
  readonly name: string;
  /** Of a GigE camera; null for one on USB. */
  readonly address: string | null;
}

/** The tool asks on every interface and waits a second for answers, ms. */
const DEADLINE_MS = 20_000;
const LINE = /^(\S.*?) \(([^()]+)\)$/;
const ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$/;

/** @param path folders separated by colons @returns aravis' command-line tool; null where it is not installed */
export function arvTool(path: string): string | null {
  const files = path.split(delimiter).map((folder) => join(folder, "arv-tool-0.8"));
  return files.find((file) => existsSync(file)) ?? null;
}

/**
 * GenICam cameras that answer now, on GigE and USB. None of them is opened.
 *
 * @param tool as `arvTool` found it
 * @throws DeviceError "aravis-failed" when the tool fails
 */
export async function genicamCameras(tool: string): Promise<GenicamCamera[]> {
  const output = await new Promise<string>((resolve, reject) => {
    execFile(tool, [], { timeout: DEADLINE_MS, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else {
        const reason = stderr.trim() === "" ? error.message : stderr.trim();
        reject(new DeviceError("aravis-failed", `Expected ${tool} to list cameras but: ${reason}`, { cause: error }));
      }
    });
  });
  return output.split("\n").flatMap((line) => {
    const [, name, place = ""] = LINE.exec(line.trim()) ?? [];
    return name === undefined ? [] : [{ name, address: ADDRESS.test(place) ? place : null }];
  });
}
