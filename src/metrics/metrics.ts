import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Clock } from "../shared/clock.ts";
import { FAMILIES, type Family, type FamilyName } from "./families.ts";
import type { DeviceFigures } from "./figures.ts";
import { samplesOf, type Sample } from "./samples.ts";
import { StationMetrics, type StationHistograms } from "./station-metrics.ts";
import type { StationObserver } from "./station-observer.ts";

export interface MetricsOptions {
  readonly figures: () => Promise<DeviceFigures>;
  readonly clock: Clock;
}

/** A text is made at most so often, however often it is asked for: the event loop has better things to do, ms. */
const FRESH_MS = 1_000;

/** The text of `/metrics`: what the stations told, and what the daemon counts anyway, read when it is asked for. */
export class Metrics {
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  /** Filled anew for each text, so that what is gone (a bank, a fault) leaves no series behind. */
  readonly #filled = new Map<FamilyName, Counter | Gauge>();
  readonly #stations = new Map<string, StationMetrics>();
  readonly #histograms: StationHistograms;
  #made: { readonly atMs: number; readonly text: Promise<string> } | null = null;

  constructor(options: MetricsOptions) {
    this.#options = options;
    for (const name of Object.keys(FAMILIES) as FamilyName[]) {
      const family: Family = FAMILIES[name];
      if (family.kind === "counter") this.#filled.set(name, new Counter(this.#configurationOf(family)));
      if (family.kind === "gauge") this.#filled.set(name, new Gauge(this.#configurationOf(family)));
    }
    this.#histograms = {
      verdictLatency: this.#histogram("verdictLatency"),
      stage: this.#histogram("stage"),
      scoreRatio: this.#histogram("scoreRatio"),
    };
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** @param id `line/name` of a station that begins */
  observerOf(id: string): StationObserver {
    const station = new StationMetrics(id, this.#histograms);
    this.#stations.set(id, station);
    return station;
  }

  /** A station has ended: its series end with it. */
  forget(id: string): void {
    this.#stations.get(id)?.close();
    this.#stations.delete(id);
  }

  /** In Prometheus' text format 0.0.4; at most a second old. */
  text(): Promise<string> {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#made === null || nowMs - this.#made.atMs >= FRESH_MS) this.#made = { atMs: nowMs, text: this.#make() };
    return this.#made.text;
  }

  async #make(): Promise<string> {
    const figures = await this.#options.figures();
    const present = figures.stations.flatMap(({ id }) => this.#stations.get(id)?.samples() ?? []);
    this.#fill([...samplesOf(figures), ...present]);
    return this.#registry.metrics();
  }

  #fill(samples: readonly Sample[]): void {
    for (const family of this.#filled.values()) family.reset();
    // A family without labels shows 0 after a reset; all of those are set below.
    for (const { family, labels, value } of samples) this.#filled.get(family)?.inc(labels, value);
  }

  #histogram(name: FamilyName): Histogram {
    const { buckets = [], ...family }: Family = FAMILIES[name];
    return new Histogram({ ...this.#configurationOf(family), buckets: [...buckets] });
  }

  #configurationOf({ name, help, labels }: Family) {
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }
}
