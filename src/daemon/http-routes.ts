import type { Metrics } from "../metrics/metrics.ts";
import type { StationSession } from "../mqtt/station-session.ts";
import type { HttpRoutes } from "../ops/http-server.ts";
import { healthAnswer, readinessAnswer } from "./health.ts";
import type { StationRunner } from "./station-runner.ts";

export interface HttpRouteSources {
  readonly metrics: Pick<Metrics, "contentType" | "text">;
  /** What makes no progress, in words; null: all goes on. */
  readonly stuck: () => string | null;
  readonly boot: string;
  readonly stations: () => readonly {
    readonly id: string;
    readonly runner: Pick<StationRunner, "state">;
    readonly session: Pick<StationSession, "status">;
  }[];
}

/** What the daemon answers over HTTP. */
export function httpRoutes({ metrics, stuck, boot, stations }: HttpRouteSources): HttpRoutes {
  return {
    "/metrics": async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
    "/healthz": () => healthAnswer(stuck(), boot),
    "/readyz": () =>
      readinessAnswer(
        stations().map(({ id, runner, session }) => ({ id, state: runner.state(), broker: session.status() })),
      ),
  };
}
