import { builtInModelsFolder, findBackbone } from "../backbone/find.ts";
import { readBank, type BankHead } from "../bank/bundle-read.ts";
import type { DeviceConfig, StationConfig } from "../config/config.ts";
import { gateLimitsOf, loadBankOf } from "../daemon/station-settings.ts";
import { InferenceClient } from "../inference/inference-client.ts";
import type { BankSummary } from "../inference/protocol.ts";
import { NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { Findings } from "./finding.ts";

const BANK_REMEDY = "copy the bank again, or build it with nominald fit; its station gives no verdicts until then";
const GATE_REMEDY =
  "scores that drift: fit the bank again with this backbone and provider; time: a smaller input, a larger deadlineMs; memory: delivery.maxMemoryMebibytes";
const GOLDEN_REMEDY = "fit the bank again with nominald fit, which chooses golden frames";
const BACKBONE_REMEDY =
  "put the backbone that the bank was fitted with into a folder of modelsFolders (nominald models list)";

/** The bank's file and its backbone's, by their digests. @returns the bank; null when it cannot be used */
export async function checkBank(
  findings: Findings,
  device: DeviceConfig,
  station: StationConfig,
): Promise<BankHead | null> {
  let bank: BankHead;
  try {
    bank = await readBank(station.bank);
    const { name, rows, dims } = bank.manifest;
    findings.ok("bank", `${station.bank} is ${bank.bankId} (${name}), ${rows} rows of ${dims}, digests right`);
  } catch (error) {
    if (!(error instanceof NominalError)) throw error;
    findings.fail("bank", error.message, BANK_REMEDY);
    return null;
  }
  try {
    const { name, sha256 } = bank.manifest.backbone;
    const { manifest } = await findBackbone([...device.modelsFolders, builtInModelsFolder()], { name, sha256 });
    findings.ok("backbone", `${manifest.name} with SHA-256 ${sha256.slice(0, 12)}…, as the bank wants`);
  } catch (error) {
    if (!(error instanceof NominalError)) throw error;
    findings.fail("backbone", error.message, BACKBONE_REMEDY);
  }
  return bank;
}

/**
 * Loads the stations' banks into an inference process as the daemon does, and lets it score its warm-up frames.
 *
 * @param stations those whose files are sound
 */
export async function checkInference(
  findings: Findings,
  stations: readonly (readonly [StationConfig, Findings])[],
  device: DeviceConfig,
  logger: Logger,
): Promise<void> {
  const { threads, spinning, provider, allowCpuFallback, startTimeoutMs, frameTimeoutMs } = device.inference;
  const settings = { threads, spinning, provider, allowCpuFallback };
  const client = new InferenceClient({ settings, startTimeoutMs, frameTimeoutMs, logger, onLost: () => undefined });
  try {
    await client.start();
    const versions = Object.entries(client.versions).map(([name, version]) => `${name} ${version}`);
    findings.ok("inference", `the inference process starts with ${versions.join(", ")}`);
    for (const [station, own] of stations) await load(own, client, device, station);
  } catch (error) {
    if (!(error instanceof NominalError)) throw error;
    findings.fail("inference", error.message, "check the installation (npm ci), and free memory");
  } finally {
    await client.close();
  }
}

/**
 * Scores the golden frames of the bank on this device, within the limits that a push of it would have to keep.
 *
 * @returns null when they do not come out right, which is told: the bank is not loaded
 * @throws NominalError when the bank does not load at all
 */
async function checkGate(
  findings: Findings,
  client: InferenceClient,
  device: DeviceConfig,
  station: StationConfig,
): Promise<BankSummary | null> {
  try {
    const gate = gateLimitsOf(device.delivery, station.deadlineMs);
    const summary = await client.loadBank({ ...loadBankOf(device, station), gate });
    if (summary.gate === null) {
      findings.warn(
        "gate",
        `${summary.bankId} has no golden frames, so nothing tells whether it scores here as it did at its fit`,
        GOLDEN_REMEDY,
      );
    } else {
      const { frames, largestDrift, medianMs } = summary.gate;
      const drift = `drift ${(100 * largestDrift).toFixed(2)} % of the threshold`;
      findings.ok("gate", `${frames.length} golden frames come out right, ${drift}, median ${medianMs.toFixed(0)} ms`);
    }
    return summary;
  } catch (error) {
    if (!(error instanceof NominalError) || error.code !== "gate-refused") throw error;
    findings.fail("gate", error.message, GATE_REMEDY);
    return null;
  }
}

async function load(
  findings: Findings,
  client: InferenceClient,
  device: DeviceConfig,
  station: StationConfig,
): Promise<void> {
  const wanted = device.inference.provider;
  const settings = loadBankOf(device, station);
  try {
    const passes = await checkGate(findings, client, device, station);
    const summary = passes ?? (await client.loadBank(settings));
    findings.ok(
      "load",
      `the bank loads with index ${summary.index}; two frames took ${summary.warmUpMs.toFixed(0)} ms`,
    );
    if (summary.provider === wanted) findings.ok("provider", `ONNX Runtime uses ${summary.provider}, as configured`);
    else {
      const remedy = `install ONNX Runtime with ${wanted} for this machine, or set inference.provider to ${summary.provider}`;
      const level = device.inference.allowCpuFallback ? "warn" : "fail";
      findings[level]("provider", `ONNX Runtime uses ${summary.provider}, ${wanted} is configured`, remedy);
    }
  } catch (error) {
    if (!(error instanceof NominalError)) throw error;
    const remedy =
      wanted === "cpu"
        ? "see the message; nominald fit builds a bank that fits this device's backbone and settings"
        : `install ONNX Runtime with ${wanted} for this machine, or set inference.provider to cpu`;
    findings.fail(wanted === "cpu" ? "load" : "provider", error.message, remedy);
  }
}
