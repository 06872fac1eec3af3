/**
 * `npm run soak:verdicts`: 10,000 triggers at 20 a second while the broker and the daemon are killed 20 times each; then
 * the daemon's children killed and stopped 100 times each, with restarts of the daemon in between, since a child that dies too often is
 * started again slowly. Checks what test/e2e/verdicts.test.ts checks. About half an hour; `-- broker` or `-- children` runs
 * one of the two, and Ctrl-C ends it early and checks what has happened so far.
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { startMosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import type { VerdictRunOptions } from "../support/verdict-run.ts";
import { checkVerdicts, codesOf, VerdictRunner } from "../support/verdict-run.ts";

const RUNS: readonly (Pick<VerdictRunOptions, "triggers" | "waitsForReady" | "faults"> & { readonly name: string })[] =
  [
    { name: "broker", triggers: 10_000, waitsForReady: true, faults: { "broker killed": 20, "daemon killed": 20 } },
    {
      name: "children",
      triggers: 10_000,
      waitsForReady: false,
      faults: { "inference killed": 100, "camera killed": 50, "camera stopped": 50, "daemon killed": 20 },
    },
  ];

const broker = await startMosquitto();
const line = await TestLine.prepare(ANY_VERDICTS);
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
console.log(`${cpus()[0]?.model ?? "?"} × ${cpus().length}, Node ${process.versions.node}, commit ${commit}`);
try {
  const chosen = process.argv.slice(2);
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  for (const { name, ...options } of RUNS) {
    if (interrupted.signal.aborted || (chosen.length > 0 && !chosen.includes(name))) continue;
    const say = (text: string): void => console.error(text);
    const runner = new VerdictRunner({
      ...options,
      line,
      broker,
      perSecond: 20,
      random: Math.random,
      say,
      signal: interrupted.signal,
    });
    const begunMs = performance.now();
    try {
      const run = await runner.run();
      checkVerdicts(run);
      const { plc, loopP99Ms, waiting } = run;
      const copies = plc.results.filter(({ flags }) => (flags & 0x01) !== 0).length;
      const minutes = ((performance.now() - begunMs) / 60_000).toFixed(1);
      console.log(`${JSON.stringify(run.faults)}: ${plc.sent.length} triggers in ${minutes} minutes`);
      console.log(`  results heard ${plc.results.length}, of them copies ${copies}; waiting in the outbox ${waiting}`);
      console.log(`  codes ${JSON.stringify(codesOf(run))}`);
      console.log(`  one outcome for each accepted trigger, database and PLC agree; event loop p99 ${loopP99Ms} ms`);
    } finally {
      await runner.dispose();
    }
  }
} finally {
  await broker.dispose();
  await line.dispose();
}
