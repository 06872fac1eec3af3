import type { BankHead } from "../bank/bundle-read.ts";
import type { DeviceConfig, StationConfig } from "../config/config.ts";
import { stationId } from "../daemon/station-settings.ts";
import { runningDaemon } from "../daemon/state-folder.ts";
import { clientOptions } from "../mqtt/client-options.ts";
import { CONTRACT, DEVICE_CONTRACT } from "../mqtt/contract.ts";
import { problemOfError } from "../mqtt/connect-problem.ts";
import { deviceRoot, stationTopics } from "../mqtt/topics.ts";
import { NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { Area } from "./areas.ts";
import { checkBank, checkInference } from "./bank-checks.ts";
import { checkWay, loginRemedy } from "./broker-checks.ts";
import { checkCamera, checkElements } from "./camera-checks.ts";
import { Findings, type Finding } from "./finding.ts";
import { checkFrame } from "./frame-checks.ts";
import {
  checkAddons,
  checkClock,
  checkNode,
  checkSecrets,
  checkSharedMemory,
  checkStateFolder,
} from "./host-checks.ts";
import { checkGigE } from "./network-checks.ts";
import { checkLogin, checkPublications, checkSubscriptions, endClient, type Publisher } from "./topic-rights.ts";

export interface DoctorOptions {
  readonly config: DeviceConfig;
  readonly areas: ReadonlySet<Area>;
  readonly nodeVersion: string;
  readonly credentialsFolder: string | null;
  readonly logger: Logger;
  readonly wallMs: () => number;
  /** Called for each line as soon as it is known. */
  readonly onFinding: (finding: Finding) => void;
  readonly signal: AbortSignal;
}

/**
 * Tries everything that a station needs, one thing after the other. Where a daemon runs on the same state folder nothing is
 * touched that it uses: its camera stays with it, nothing is published under its topics, and no second inference process
 * takes its processor.
 */
export class Doctor {
  readonly #options: DoctorOptions;
  readonly #device: Findings;
  readonly #banks = new Map<StationConfig, BankHead>();
  /** Process id of the daemon that runs on this state folder. */
  #daemon: number | null = null;

  constructor(options: DoctorOptions) {
    this.#options = options;
    this.#device = new Findings("device", options.onFinding);
  }

  async run(): Promise<void> {
    const { areas, signal } = this.#options;
    await this.#findDaemon();
    const steps: readonly (readonly [Area, () => Promise<void>])[] = [
      ["machine", () => this.#machine()],
      ["bank", () => this.#bank()],
      ["camera", () => this.#camera()],
      ["broker", () => this.#broker()],
    ];
    for (const [area, step] of steps) if (areas.has(area) && !signal.aborted) await step();
  }

  async #findDaemon(): Promise<void> {
    const { config } = this.#options;
    try {
      this.#daemon = await runningDaemon(config.stateFolder);
      if (this.#daemon === null) return;
      this.#device.ok("daemon", `a daemon with pid ${this.#daemon} runs on ${config.stateFolder}`);
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
      const remedy = "run the doctor as nominald's user or as root";
      this.#device.fail("daemon", `whether a daemon runs cannot be seen: ${error.message}`, remedy);
    }
  }

  async #machine(): Promise<void> {
    const { config, logger, nodeVersion, wallMs } = this.#options;
    checkNode(this.#device, nodeVersion);
    await checkAddons(this.#device);
    await checkClock(this.#device, logger, wallMs());
    checkStateFolder(this.#device, config.stateFolder);
    checkSharedMemory(this.#device, config);
    checkSecrets(this.#device, config);
  }

  async #bank(): Promise<void> {
    const { config, logger } = this.#options;
    const sound: (readonly [StationConfig, Findings])[] = [];
    for (const station of config.stations) {
      const findings = this.#of(station);
      const bank = await checkBank(findings, config, station);
      if (bank === null) continue;
      this.#banks.set(station, bank);
      sound.push([station, findings]);
    }
    if (this.#daemon === null) await checkInference(this.#device, sound, config, logger);
    else this.#left("provider", "the topic state says which provider the daemon uses");
  }

  async #camera(): Promise<void> {
    const { config, logger, signal, areas } = this.#options;
    for (const station of config.stations) {
      const findings = this.#of(station);
      const options = { station, sharedMemoryFolder: config.sharedMemoryFolder, logger, signal };
      const complete = await checkElements(findings, options);
      const { source, device } = station.camera;
      if (source === "aravis" && device !== null) await checkGigE(findings, device);
      if (!complete || signal.aborted) continue;
      if (this.#daemon !== null) {
        const found = `not opened: the daemon with pid ${this.#daemon} holds it`;
        findings.warn("camera", found, "stop the daemon to have the camera looked at (systemctl stop nominald)");
        continue;
      }
      const frame = await checkCamera(findings, options);
      if (frame === null) continue;
      if (!areas.has("bank")) await this.#readBank(station);
      await checkFrame(findings, station, this.#banks.get(station) ?? null, frame);
    }
  }

  /** For the limits of its frames; what is wrong with it is the area bank's to tell. */
  async #readBank(station: StationConfig): Promise<void> {
    const bank = await checkBank(new Findings(stationId(station), () => undefined), this.#options.config, station);
    if (bank !== null) this.#banks.set(station, bank);
  }

  async #broker(): Promise<void> {
    const { config, credentialsFolder, wallMs } = this.#options;
    const { broker } = config;
    let connection: Awaited<ReturnType<typeof clientOptions>>;
    try {
      // The will is left out later; the doctor has nothing to leave behind.
      connection = await clientOptions(broker, "nominald-doctor", { topic: "", payload: "" }, credentialsFolder);
    } catch (error) {
      if (!(error instanceof NominalError)) throw error;
      const { message, kind } = problemOfError(broker, error);
      this.#device.fail("broker-credentials", message, loginRemedy(kind));
      return;
    }
    if (!(await checkWay(this.#device, broker, connection, wallMs()))) return;
    const client = await checkLogin(this.#device, broker, connection);
    if (client === null) return;
    try {
      for (const [findings, publisher] of this.#publishers()) {
        await checkSubscriptions(findings, client, publisher);
        if (this.#daemon === null) await checkPublications(findings, client, publisher, broker.version);
      }
      if (this.#daemon !== null)
        this.#left("broker-publish", "stop the daemon to have the rights tried (systemctl stop nominald)");
    } finally {
      endClient(client);
    }
  }

  #publishers(): readonly (readonly [Findings, Publisher])[] {
    const { site, device, stations } = this.#options.config;
    return [
      [this.#device, { root: deviceRoot(site, device), contract: DEVICE_CONTRACT }],
      ...stations.map((station) => {
        const { root } = stationTopics({ site, line: station.line, station: station.name });
        return [this.#of(station), { root, contract: CONTRACT }] as const;
      }),
    ];
  }

  #left(check: string, where: string): void {
    this.#device.warn(check, `not tried, so as not to disturb the daemon with pid ${this.#daemon}`, where);
  }

  #of(station: StationConfig): Findings {
    return new Findings(stationId(station), this.#options.onFinding);
  }
}
