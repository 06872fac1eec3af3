import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { readMemory } from "../../src/ops/host-memory.ts";
import { readTemperature, readThrottle } from "../../src/ops/host-processor.ts";
import { HostSampler, type HostSample } from "../../src/ops/host-sampler.ts";
import { KERNEL, type KernelFolders } from "../../src/ops/kernel-file.ts";
import { temporaryFolder } from "../capture/pictures.ts";

const GIB = 2 ** 30;
const MEMINFO =
  "MemTotal:        8388608 kB\nMemFree:          100000 kB\nMemAvailable:    4194304 kB\nSwapTotal: 0 kB";

/** Files of a kernel that is not the machine's own, whose files no test may change. */
async function kernelWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<KernelFolders> {
  const folder = await temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), `${text}\n`);
  }
  return { proc: join(folder, "proc"), sys: join(folder, "sys") };
}

test("without a limit of a control group the machine's memory counts", async (t) => {
  const kernel = await kernelWith(t, {
    "proc/meminfo": MEMINFO,
    "proc/self/cgroup": "0::/system.slice/nominald.service",
    "proc/pressure/memory":
      "some avg10=9.00 avg60=1.25 avg300=0.10 total=5\nfull avg10=0.00 avg60=0.50 avg300=0.00 total=0",
    "sys/fs/cgroup/system.slice/nominald.service/memory.max": "max",
    "sys/fs/cgroup/system.slice/nominald.service/memory.current": String(GIB),
  });
  assert.deepEqual(await readMemory(kernel), {
    availableBytes: 4 * GIB,
    totalBytes: 8 * GIB,
    limitedBy: "machine",
    stalledPercent: 1.25,
  });
});

test("the limit of a group above this process counts, and file cache in it is free", async (t) => {
  const kernel = await kernelWith(t, {
    "proc/meminfo": MEMINFO,
    "proc/self/cgroup": "0::/system.slice/nominald.service",
    "sys/fs/cgroup/system.slice/nominald.service/memory.max": "max",
    "sys/fs/cgroup/system.slice/memory.max": String(2 * GIB),
    "sys/fs/cgroup/system.slice/memory.current": String(1.75 * GIB),
    "sys/fs/cgroup/system.slice/memory.stat": `anon 5\ninactive_file ${0.5 * GIB}\nactive_file 7`,
  });
  // 2 − 1.75 + 0.5
  assert.deepEqual(await readMemory(kernel), {
    availableBytes: 0.75 * GIB,
    totalBytes: 2 * GIB,
    limitedBy: "control-group",
    stalledPercent: null,
  });
});

test("a group of version 1 whose path a container cannot see is read at the root of its mount", async (t) => {
  const kernel = await kernelWith(t, {
    "proc/meminfo": MEMINFO,
    "proc/self/cgroup": "9:name=systemd:/\n4:memory:/docker/0123\n0::/",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": String(GIB),
    "sys/fs/cgroup/memory/memory.usage_in_bytes": String(GIB),
    "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 4096",
  });
  assert.deepEqual(await readMemory(kernel), {
    availableBytes: 4_096,
    totalBytes: GIB,
    limitedBy: "control-group",
    stalledPercent: null,
  });
});

test("the hottest sensor counts, and one that shows what cannot be does not", async (t) => {
  const kernel = await kernelWith(t, {
    "sys/class/thermal/thermal_zone0/type": "acpitz",
    "sys/class/thermal/thermal_zone0/temp": "27800",
    "sys/class/thermal/cooling_device0/cur_state": "3",
    "sys/class/hwmon/hwmon0/name": "k10temp",
    "sys/class/hwmon/hwmon0/temp1_input": "71250",
    "sys/class/hwmon/hwmon0/temp1_max": "99000",
    "sys/class/hwmon/hwmon1/name": "broken",
    "sys/class/hwmon/hwmon1/temp1_input": "255000",
  });
  assert.deepEqual(await readTemperature(kernel), { celsius: 71.25, sensor: "k10temp" });
});

test("throttles of all cores are added, and the most limited core's share counts", async (t) => {
  const cpu = (name: string, file: string): string => `sys/devices/system/cpu/${name}/${file}`;
  const kernel = await kernelWith(t, {
    [cpu("cpu0", "thermal_throttle/core_throttle_count")]: "2",
    [cpu("cpu0", "thermal_throttle/package_throttle_count")]: "5",
    [cpu("cpu1", "thermal_throttle/core_throttle_count")]: "1",
    [cpu("cpu0", "cpufreq/scaling_max_freq")]: "2000000",
    [cpu("cpu0", "cpufreq/cpuinfo_max_freq")]: "2000000",
    [cpu("cpu1", "cpufreq/scaling_max_freq")]: "1500000",
    [cpu("cpu1", "cpufreq/cpuinfo_max_freq")]: "2000000",
    [cpu("cpuidle", "current_driver")]: "none",
  });
  assert.deepEqual(await readThrottle(kernel), { count: 8, allowedShare: 0.75 });
});

test("what a kernel does not tell is null", async (t) => {
  const kernel = await kernelWith(t, {});
  assert.equal(await readMemory(kernel), null);
  assert.equal(await readTemperature(kernel), null);
  assert.equal(await readThrottle(kernel), null);
});

test("this machine's memory and disk are sampled, again and again, until closed", async (t) => {
  const samples: HostSample[] = [];
  const folder = await temporaryFolder(t);
  let sampler: HostSampler | undefined;
  await new Promise<void>((resolve) => {
    sampler = new HostSampler({
      folder,
      everyMs: 20,
      onSample: (sample) => {
        if (samples.push(sample) === 3) resolve();
      },
    });
    sampler.start();
    // The sampler's own timer keeps no process alive.
    const alive = setInterval(() => undefined, 1_000);
    t.after(() => clearInterval(alive));
  });
  sampler?.close();
  await sampler?.look();
  assert.equal(samples.length, 3);
  const [{ memory, disk }] = samples as [HostSample];
  const machine = await readMemory(KERNEL);
  assert.equal(memory?.totalBytes, machine?.totalBytes);
  assert.ok(memory !== null && memory.availableBytes > 0 && memory.availableBytes <= memory.totalBytes);
  assert.ok(disk !== null && disk.freeBytes > 0 && disk.freeBytes <= disk.totalBytes);
});

test("a state folder that is gone has no disk", async (t) => {
  const samples: HostSample[] = [];
  const folder = join(await temporaryFolder(t), "gone");
  await new HostSampler({ folder, onSample: (sample) => samples.push(sample) }).look();
  assert.equal(samples[0]?.disk, null);
});
