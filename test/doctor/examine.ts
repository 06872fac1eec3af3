import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { DeviceConfig } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { Area } from "../../src/doctor/areas.ts";
import { Doctor } from "../../src/doctor/doctor.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { temporaryFolder } from "../capture/pictures.ts";

export interface Examined {
  /** Sections of the configuration that are not its defaults. */
  readonly device?: object;
  readonly station?: object;
  readonly camera?: object;
  readonly wallMs?: () => number;
}

/** A configuration of one station `line1/st1` with a state folder and a shared-memory folder of its own. */
export async function configFor(t: TestContext, examined: Examined): Promise<DeviceConfig> {
  const folder = await temporaryFolder(t);
  const camera = { source: "test", width: 64, height: 48, firstFrameTimeoutMs: 60_000, frameTimeoutMs: 60_000 };
  const station = { line: "line1", name: "st1", bank: `${folder}/none.bank`, ...examined.station };
  const document = {
    site: "plant",
    device: "dev1",
    stateFolder: folder,
    sharedMemoryFolder: folder,
    inference: { startTimeoutMs: 120_000 },
    ...examined.device,
    stations: [{ ...station, camera: { ...camera, ...examined.camera } }],
  };
  return parseConfig(JSON.stringify(document), "test.json", {}).config;
}

/** Lets the doctor look at areas of a device. @returns its lines, in their order */
export async function examine(t: TestContext, areas: readonly Area[], examined: Examined): Promise<Finding[]> {
  return examineConfig(await configFor(t, examined), areas, examined.wallMs);
}

export async function examineConfig(
  config: DeviceConfig,
  areas: readonly Area[],
  wallMs: () => number = Date.now,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const doctor = new Doctor({
    config,
    areas: new Set(areas),
    nodeVersion: process.versions.node,
    credentialsFolder: null,
    logger: silentLogger,
    wallMs,
    onFinding: (finding) => findings.push(finding),
    signal: new AbortController().signal,
  });
  await doctor.run();
  return findings;
}

/** @returns the one line of a check */
export function lineOf(findings: readonly Finding[], check: string): Finding {
  const found = findings.filter((finding) => finding.check === check);
  assert.equal(found.length, 1, `${check} once in ${JSON.stringify(findings, null, 1)}`);
  const [line] = found;
  assert.ok(line !== undefined);
  return line;
}

/** Asserts level and words of a check's line; one that is not ok says what to do. */
export function expectLine(
  findings: readonly Finding[],
  check: string,
  level: Finding["level"],
  found: RegExp,
  remedy?: RegExp,
): void {
  const line = lineOf(findings, check);
  assert.equal(line.level, level, line.found);
  assert.match(line.found, found);
  assert.equal(line.remedy === null, level === "ok");
  if (remedy !== undefined) assert.match(line.remedy ?? "", remedy);
}
