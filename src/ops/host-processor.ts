import { join } from "node:path";
import { namesIn, numberOf, textOf, type KernelFolders } from "./kernel-file.ts";

/** The hottest sensor. */
export interface TemperatureSample {
  readonly celsius: number;
  /** As its driver calls it: "x86_pkg_temp", "k10temp". */
  readonly sensor: string;
}

/** Whether the processor runs slower than it could. */
export interface ThrottleSample {
  /** Times that cores were slowed down because of heat since the machine's start; null where nobody counts. */
  readonly count: number | null;
  /** Largest frequency that is allowed now, as a share of the largest that the processor has; null where nobody tells. */
  readonly allowedShare: number | null;
}

/** Beyond these a sensor is broken or not connected. */
const COLDEST_C = -40;
const HOTTEST_C = 150;

/** @returns null without a sensor, as in a virtual machine */
export async function readTemperature({ sys }: KernelFolders): Promise<TemperatureSample | null> {
  const sensors = [...(await thermalZones(sys)), ...(await hardwareMonitors(sys))];
  let hottest: TemperatureSample | null = null;
  for (const { file, sensor } of sensors) {
    const text = await textOf(file);
    const celsius = text === null || text === "" ? NaN : Number(text) / 1_000;
    if (!(celsius > COLDEST_C && celsius < HOTTEST_C)) continue;
    if (hottest === null || celsius > hottest.celsius) hottest = { celsius, sensor };
  }
  return hottest;
}

/** @returns null where the kernel tells neither */
export async function readThrottle({ sys }: KernelFolders): Promise<ThrottleSample | null> {
  const folder = join(sys, "devices/system/cpu");
  let count: number | null = null;
  let allowedShare: number | null = null;
  for (const cpu of (await namesIn(folder)).filter((name) => /^cpu\d+$/.test(name))) {
    for (const kind of ["core", "package"]) {
      const times = await numberOf(join(folder, cpu, `thermal_throttle/${kind}_throttle_count`));
      if (times !== null) count = (count ?? 0) + times;
    }
    const allowed = await numberOf(join(folder, cpu, "cpufreq/scaling_max_freq"));
    const largest = await numberOf(join(folder, cpu, "cpufreq/cpuinfo_max_freq"));
    if (allowed !== null && largest !== null && largest > 0) {
      allowedShare = Math.min(allowedShare ?? 1, allowed / largest);
    }
  }
  return count === null && allowedShare === null ? null : { count, allowedShare };
}

interface Sensor {
  readonly file: string;
  readonly sensor: string;
}

async function thermalZones(sys: string): Promise<readonly Sensor[]> {
  const folder = join(sys, "class/thermal");
  const zones = (await namesIn(folder)).filter((name) => name.startsWith("thermal_zone"));
  return Promise.all(
    zones.map(async (zone) => ({
      file: join(folder, zone, "temp"),
      sensor: (await textOf(join(folder, zone, "type"))) ?? zone,
    })),
  );
}

async function hardwareMonitors(sys: string): Promise<readonly Sensor[]> {
  const folder = join(sys, "class/hwmon");
  const found: Sensor[] = [];
  for (const monitor of await namesIn(folder)) {
    const sensor = (await textOf(join(folder, monitor, "name"))) ?? monitor;
    for (const file of await namesIn(join(folder, monitor))) {
      if (/^temp\d+_input$/.test(file)) found.push({ file: join(folder, monitor, file), sensor });
    }
  }
  return found;
}
