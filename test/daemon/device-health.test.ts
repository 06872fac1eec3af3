import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { HostConfig } from "../../src/config/config.ts";
import { DeviceHealth } from "../../src/daemon/device-health.ts";
import { FaultBoard } from "../../src/daemon/fault-board.ts";
import { HostFaults } from "../../src/daemon/host-faults.ts";
import { RunLedger } from "../../src/daemon/run-ledger.ts";
import type { HostSample } from "../../src/ops/host-sampler.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import { temporaryFolder } from "../capture/pictures.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/until.ts";

const MEBIBYTE = 2 ** 20;
const LIMITS: HostConfig = { minFreeMemoryMebibytes: 100, minFreeDiskMebibytes: 200, maxCelsius: 80 };
const WELL: HostSample = { memory: null, disk: null, temperature: null, throttle: null };

function judged() {
  const log = new KeptLog();
  let changes = 0;
  const board = new FaultBoard({ subject: "device", clock: systemClock, logger: log, onChange: () => changes++ });
  const faults = new HostFaults(board, () => LIMITS);
  return {
    board,
    log,
    changes: () => changes,
    /** @returns the faults that stand after it, with what was found */
    see: (sample: Partial<HostSample>, atMs = 0, clock: "synchronised" | "unsynchronised" | "unknown" = "unknown") => {
      faults.judge({ ...WELL, ...sample }, clock, atMs);
      return board.faults.map(({ reason, detail }) => `${reason}: ${detail}`);
    },
  };
}

function memory(mebibytes: number, stalledPercent: number | null = null): Pick<HostSample, "memory"> {
  const availableBytes = mebibytes * MEBIBYTE;
  return { memory: { availableBytes, totalBytes: 1_000 * MEBIBYTE, limitedBy: "control-group", stalledPercent } };
}

test("memory below its limit is a fault until a tenth more is free; waiting for memory is one too", () => {
  const { see } = judged();
  assert.deepEqual(see(memory(100)), []);
  assert.deepEqual(see(memory(99)), ["memory-low: 99 MiB of 1000 of the control group's limit are left"]);
  assert.equal(see(memory(109)).length, 1, "below 110");
  assert.deepEqual(see(memory(110)), []);
  assert.deepEqual(see(memory(500, 19)), []);
  assert.deepEqual(see(memory(500, 20)), ["memory-low: processes waited for memory in 20 % of the last minute"]);
  assert.equal(see(memory(500, 11)).length, 1);
  assert.deepEqual(see(memory(500, 9)), []);
});

test("a disk below its limit is a fault until a tenth more is free", () => {
  const { see } = judged();
  const disk = (mebibytes: number) => ({ disk: { freeBytes: mebibytes * MEBIBYTE, totalBytes: 900 * MEBIBYTE } });
  assert.deepEqual(see(disk(200)), []);
  assert.deepEqual(see(disk(199)), ["disk-low: 199 MiB of 900 are free"]);
  assert.equal(see(disk(219)).length, 1);
  assert.deepEqual(see(disk(220)), []);
});

test("a sensor above its limit is a fault until it is 3 degrees below", () => {
  const { see } = judged();
  const heat = (celsius: number) => ({ temperature: { celsius, sensor: "k10temp" } });
  assert.deepEqual(see(heat(80)), []);
  assert.deepEqual(see(heat(80.5)), ["host-hot: k10temp has 80.5 °C"]);
  assert.equal(see(heat(77.5)).length, 1);
  assert.deepEqual(see(heat(77)), []);
});

test("throttles of before the start are none of ours; one that is counted stands for a minute", () => {
  const { see } = judged();
  const counted = (count: number) => ({ throttle: { count, allowedShare: 1 } });
  assert.deepEqual(see(counted(7), 0), []);
  assert.deepEqual(see(counted(8), 5_000), ["clock-throttled: the kernel slowed cores down because of heat"]);
  assert.equal(see(counted(8), 64_999).length, 1);
  assert.deepEqual(see(counted(8), 65_000), []);
});

test("a frequency that may not reach its largest is a fault", () => {
  const { see } = judged();
  const found = see({ throttle: { count: null, allowedShare: 0.75 } });
  assert.deepEqual(found, ["clock-throttled: at most 75 % of the processor's largest frequency are allowed"]);
  assert.deepEqual(see({ throttle: { count: null, allowedShare: 0.995 } }), []);
});

test("a clock of which nobody knows is no fault, one without a reference is", () => {
  const { see } = judged();
  assert.deepEqual(see({}, 0, "unknown"), []);
  assert.equal(see({}, 0, "unsynchronised").length, 1);
  assert.deepEqual(see({}, 0, "synchronised"), []);
});

test("a fault is told once when it comes and once when it goes, counted, and dates from its beginning", () => {
  const { see, log, board, changes } = judged();
  see(memory(50));
  const [first] = board.faults;
  see(memory(40));
  assert.equal(board.faults[0]?.since, first?.since);
  assert.match(board.faults[0]?.detail ?? "", /^40 MiB/);
  see(memory(500));
  see(memory(30));
  assert.deepEqual(board.counts, { "memory-low": 2 });
  assert.equal(changes(), 3);
  assert.deepEqual(
    log.lines.map(({ level, msg }) => [level, msg.slice(0, 13)]),
    [
      ["warn", "The computer "],
      ["info", "fault is over"],
      ["warn", "The computer "],
    ],
  );
  assert.match(log.lines[0]?.msg ?? "", /hardly any memory left: 50 MiB of 1000 .*MemoryMax/);
});

test("the computer's faults and figures are those of its kernel's files", async (t) => {
  const stateFolder = await temporaryFolder(t);
  const kernel = { proc: join(stateFolder, "proc"), sys: join(stateFolder, "sys") };
  await mkdir(kernel.proc);
  await writeFile(join(kernel.proc, "meminfo"), "MemTotal: 2048000 kB\nMemAvailable: 51200 kB\n");
  let changes = 0;
  const health = new DeviceHealth({
    ...{ stateFolder, kernel, clock: systemClock, logger: new KeptLog(), clockSync: () => "synchronised" },
    limits: () => ({ ...LIMITS, minFreeDiskMebibytes: 0 }),
    onChange: () => changes++,
  });
  t.after(() => health.close());
  health.start();
  await until("the fault", () => changes === 1);
  assert.deepEqual(
    health.faults.map(({ reason, detail }) => [reason, detail]),
    [["memory-low", "50 MiB of 2000 of the machine are left"]],
  );
  assert.equal(health.host.memory?.availableBytes, 51_200 * 1_024);
  assert.equal(health.host.clockSync, "synchronised");
  assert.deepEqual(health.host.faults, { "memory-low": 1 });
});

test("runs that did not end in order are counted over all runs", async (t) => {
  const folder = await temporaryFolder(t);
  const begin = (now: string) => {
    const ledger = new RunLedger(folder, new KeptLog());
    ledger.begin(now);
    return ledger;
  };
  const first = begin("2026-01-01T00:00:00.000Z");
  assert.deepEqual(first.counts, { unclean: 0, lastUncleanAt: null });
  first.end();
  assert.deepEqual(begin("2026-01-02T00:00:00.000Z").counts, { unclean: 0, lastUncleanAt: null });
  // No end: it was killed.
  const third = begin("2026-01-03T00:00:00.000Z");
  assert.deepEqual(third.counts, { unclean: 1, lastUncleanAt: "2026-01-03T00:00:00.000Z" });
  third.end();
  assert.deepEqual(begin("2026-01-04T00:00:00.000Z").counts, third.counts);
});

test("a ledger of runs that is damaged or cannot be written is told, and ends nothing", async (t) => {
  const folder = await temporaryFolder(t);
  for (const damaged of ["", "{", "[]", '{"unclean":-1,"lastUncleanAt":null,"running":false}']) {
    await writeFile(join(folder, "runs.json"), damaged);
    const log = new KeptLog();
    const ledger = new RunLedger(folder, log);
    ledger.begin("2026-01-01T00:00:00.000Z");
    assert.deepEqual(ledger.counts, { unclean: 0, lastUncleanAt: null });
    assert.match(log.lines.find(({ level }) => level === "error")?.msg ?? "", /count begins anew/);
    assert.match(await readFile(join(folder, "runs.json"), "utf8"), /"running":true/);
  }
  const log = new KeptLog();
  const lost = new RunLedger(join(folder, "gone"), log);
  lost.begin("2026-01-01T00:00:00.000Z");
  lost.end();
  assert.equal(log.lines.filter(({ msg }) => msg.includes("cannot be kept")).length, 2);
});
