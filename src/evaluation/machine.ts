import { cpus } from "node:os";

/** The machine that figures of speed come from, in a line. */
export function machineName(): string {
  const processors = cpus();
  return `${processors[0]?.model.trim() ?? "unknown processor"}, ${processors.length} cores, Node ${process.versions.node}`;
}
