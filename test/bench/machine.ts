import { execFileSync } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { percentile } from "../../src/patchcore/percentile.ts";

/** @returns one line: machine, Node, commit, and how busy the machine is */
export function machineLine(): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const [load = 0] = loadavg();
  return `${cpus()[0]?.model ?? "?"} × ${cpus().length}, Node ${process.versions.node}, commit ${commit}, load ${load.toFixed(1)}`;
}

/** User and system time of this process, seconds: what a busy machine does not stretch as it does wall time. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** @returns cells `median | P99` of seconds */
export function spread(seconds: readonly number[]): string {
  return [50, 99].map((percent) => percentile(seconds, percent).toFixed(2)).join(" | ");
}
