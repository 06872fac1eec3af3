import type { Readable } from "node:stream";
import type { Logger } from "./logger.ts";

/** Characters of one line that are logged; a longer one is cut, with what it lacks told. */
const MAX_LINE = 2_000;
/** Lines that one stream may log per second; a native library that repeats a warning must not fill the disk. */
const MAX_LINES_PER_SECOND = 20;

/**
 * Forwards what a child prints, line by line, with bounded memory, line length and rate. What goes beyond the rate
 * is counted and told with the next line that passes.
 *
 * @param label the child and the stream, e.g. "capture of st1, stderr"
 * @param nowMs monotonic milliseconds
 */
export function forwardLines(stream: Readable, label: string, logger: Logger, nowMs: () => number): void {
  let line = "";
  let cut = 0;
  let dropped = 0;
  let windowStart = nowMs();
  let inWindow = 0;

  const flush = (): void => {
    const text = line.trimEnd();
    const lost = cut;
    line = "";
    cut = 0;
    if (text === "") return;
    if (nowMs() - windowStart >= 1_000) {
      windowStart = nowMs();
      inWindow = 0;
    }
    inWindow += 1;
    if (inWindow > MAX_LINES_PER_SECOND) {
      dropped += 1;
      return;
    }
    logger.warn(
      { ...(dropped > 0 ? { droppedLines: dropped } : {}), ...(lost > 0 ? { cutCharacters: lost } : {}) },
      `${label}: ${text}`,
    );
    dropped = 0;
  };

  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const parts = chunk.split("\n");
    for (const [index, part] of parts.entries()) {
      const room = MAX_LINE - line.length;
      line += part.slice(0, room);
      cut += Math.max(0, part.length - room);
      if (index < parts.length - 1) flush();
    }
  });
  stream.on("end", () => {
    flush();
    if (dropped > 0) logger.warn({ droppedLines: dropped }, `${label}: more lines than are logged`);
  });
  // A broken pipe of a dying child is no news: its exit is reported by itself.
  stream.on("error", () => undefined);
}
