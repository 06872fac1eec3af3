import { readFile } from "node:fs/promises";
import { DeviceError, reasonOf } from "../shared/errors.ts";

const CPUINFO = "/proc/cpuinfo";

/**
 * Without VNNI an x86-64 processor multiplies 8-bit numbers in pairs and adds each pair in 16 bits, which overflow when
 * both weights use their eighth bit. ARM adds in 32 bits.
 *
 * @param cpuinfo the text of /proc/cpuinfo
 * @returns whether weights of 8 bits are multiplied without overflow
 */
export function multipliesEightBits(cpuinfo: string, architecture: string): boolean {
  return architecture !== "x64" || /^flags\s*:.*\b(avx512_vnni|avx_vnni)\b/m.test(cpuinfo);
}

/** As `multipliesEightBits`, of this machine. @throws DeviceError "cpuinfo-unreadable" */
export async function thisMachineMultipliesEightBits(): Promise<boolean> {
  try {
    return multipliesEightBits(await readFile(CPUINFO, "utf8"), process.arch);
  } catch (cause) {
    const text = `Expected to read ${CPUINFO} for what the processor multiplies but: ${reasonOf(cause)}; say --weight-bits`;
    throw new DeviceError("cpuinfo-unreadable", text, { cause });
  }
}
