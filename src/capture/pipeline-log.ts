/**
 * What GStreamer's own debug log tells beyond the binding: times of capture, which `pull` leaves out, and what a camera
 * offers. The lines are those of GStreamer 1.22; where another version words them differently nothing is found, and
 * whoever asks says that it was not measured.
 */

/** The environment of a capture process whose pipeline is looked at. @param file is written until the process ends */
export function pipelineLogEnvironment(file: string): Readonly<Record<string, string>> {
  const categories = ["GST_CLOCK:5", "basesink:5", "basesrc:5", "v4l2src:5"];
  return { GST_DEBUG: categories.join(","), GST_DEBUG_FILE: file, GST_DEBUG_NO_COLOR: "1" };
}

export interface PipelineLog {
  /** What the source offers, GStreamer's caps without their types; null: it did not say. */
  readonly offered: string | null;
  /** From the source's time stamp to the arrival at the appsink, ms, one a frame with a time stamp. */
  readonly latenciesMs: readonly number[];
}

const TIME = "(\\d+):(\\d\\d):(\\d\\d\\.\\d{9})";
const BASE_TIME = new RegExp(`^${TIME} .*:gst_element_set_base_time:<pipeline\\d*> set base_time=`);
const ARRIVAL = new RegExp(`^${TIME} .*:gst_base_sink_chain_unlocked:<sink> got times start: ${TIME},`);
const OFFERED = /:<[^>]*> caps of src: (.*)$/;
/** What GStreamer writes for a frame without a time stamp is far beyond any. */
const LONGEST_MS = 3_600_000;

/**
 * @param text the debug log of one pipeline
 */
export function readPipelineLog(text: string): PipelineLog {
  let offered: string | null = null;
  let playedAtMs: number | null = null;
  const latenciesMs: number[] = [];
  for (const line of text.split("\n")) {
    const base = BASE_TIME.exec(line);
    // The base time is the clock's time at this line, so running time counts from it.
    if (base !== null) playedAtMs = milliseconds(base, 1);
    offered ??= OFFERED.exec(line)?.[1]?.replaceAll(/\((?:string|int|fraction|boolean)\)/g, "") ?? null;
    const arrival = ARRIVAL.exec(line);
    if (arrival === null || playedAtMs === null) continue;
    const latencyMs = milliseconds(arrival, 1) - playedAtMs - milliseconds(arrival, 4);
    if (Math.abs(latencyMs) < LONGEST_MS) latenciesMs.push(Math.max(0, latencyMs));
  }
  return { offered, latenciesMs };
}

function milliseconds(match: RegExpExecArray, first: number): number {
  const [hours, minutes, seconds] = [match[first], match[first + 1], match[first + 2]].map(Number);
  return ((hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1_000;
}
