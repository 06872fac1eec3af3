import { readFileSync } from "node:fs";

/** GStreamer 1.22.5 is libgstreamer-1.0.so.0.2205.0: 100 × minor + micro (its own rule for shared libraries). */
const LIBRARY = /\/libgstreamer-1\.0\.so\.0\.(\d+)\.\d+$/m;

/**
 * The GStreamer that this process has loaded. The binding does not tell; the file that the library was loaded from does.
 *
 * @param maps text of /proc/PID/maps (proc(5))
 * @returns "1.22.5"; null when it is not loaded, or its file has another name
 */
export function gstreamerVersion(maps: string = readFileSync("/proc/self/maps", "utf8")): string | null {
  const number = LIBRARY.exec(maps)?.[1];
  return number === undefined ? null : `1.${Math.floor(Number(number) / 100)}.${Number(number) % 100}`;
}
