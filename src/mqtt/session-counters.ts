import type { InboxCounters } from "./station-inbox.ts";

/** What a station's connection did and what it had to drop, since the start. */
export interface SessionCounters {
  readonly connects: number;
  /** Results and records that wait for the broker, or for its acknowledgement. */
  readonly resultsOpen: number;
  readonly recordsOpen: number;
  /** Dropped while the broker was away or slow; the next result carries flag 04. */
  readonly resultsLost: number;
  readonly recordsLost: number;
  /** Publications that the broker answered with an error (its access rules, MQTT 5). */
  readonly refused: number;
  /** Frames whose pictures were sent, and whose pictures gave way to verdicts. */
  readonly picturesSent: number;
  readonly picturesDropped: number;
  readonly tagsDropped: number;
  readonly heartbeatsSkipped: number;
  /** Answers that no broker took: the connection was lost before. */
  readonly answersLost: number;
  readonly inbox: InboxCounters;
}
