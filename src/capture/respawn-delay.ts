import type { CaptureSource } from "./protocol.ts";

/**
 * A GigE camera keeps the connection of a controller that vanished until its heartbeat is overdue, and refuses others:
 * 3 s by GigE Vision's default, and a margin.
 */
const GIGE_HEARTBEAT_MS = 3_500;

/** @returns how long to wait after a loss before the same source can be opened again, ms */
export function minimumRespawnDelayMs(source: CaptureSource): number {
  return source.kind === "aravis" ? GIGE_HEARTBEAT_MS : 0;
}
