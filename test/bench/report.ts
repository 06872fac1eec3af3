import { execFileSync } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { percentile } from "../../src/patchcore/percentile.ts";

/** Durations of named stages, in the order in which they first came. */
export class Stopwatch {
  readonly #times = new Map<string, number[]>();
  readonly #cpuMs = new Map<string, number[]>();

  add(stage: string, ms: number): void {
    put(this.#times, stage, ms);
  }

  async time<T>(stage: string, work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    const cpu = process.cpuUsage();
    const result = await work();
    this.add(stage, performance.now() - begun);
    const { user, system } = process.cpuUsage(cpu);
    put(this.#cpuMs, stage, (user + system) / 1000);
    return result;
  }

  /** Forgets the warm-up. */
  clear(): void {
    this.#times.clear();
    this.#cpuMs.clear();
  }

  /** The median of the work that all threads of this process did, ms; it says more than time on a busy machine. */
  cpu(stage: string): number {
    return percentile(this.#cpuMs.get(stage) ?? [NaN], 50);
  }

  /** What the stage takes when nothing gets in its way. */
  p5(stage: string): number {
    return percentile(this.#times.get(stage) ?? [NaN], 5);
  }

  median(stage: string): number {
    return percentile(this.#times.get(stage) ?? [NaN], 50);
  }

  p99(stage: string): number {
    return percentile(this.#times.get(stage) ?? [NaN], 99);
  }

  get stages(): readonly string[] {
    return [...this.#times.keys()];
  }
}

function put(into: Map<string, number[]>, stage: string, value: number): void {
  const values = into.get(stage);
  if (values === undefined) into.set(stage, [value]);
  else values.push(value);
}

/** Machine, Node, commit and how busy the machine was: without the last a table cannot be compared. */
export function machineLine(): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const load = loadavg()[0]?.toFixed(1) ?? "?";
  return `${cpus()[0]?.model.trim() ?? "?"} × ${cpus().length}, load ${load}, Node ${process.versions.node}, commit ${commit}`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
