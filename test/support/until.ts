import { setTimeout as sleep } from "node:timers/promises";
import { processStartTicks } from "../../src/shared/process-identity.ts";

/** Waits for a condition; the deadline only ends a test that would hang. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 90_000,
): Promise<void> {
  for (const endMs = performance.now() + deadlineMs; !(await condition());) {
    if (performance.now() > endMs) throw new Error(`Expected ${what} within ${deadlineMs} ms but it did not come`);
    await sleep(10);
  }
}

/** Whether a process runs; one that has ended and was not waited for by its parent does not. */
export async function isAlive(pid: number): Promise<boolean> {
  return (await processStartTicks(pid)) !== null;
}
