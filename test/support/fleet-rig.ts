import { cpSync, mkdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import { writeBank } from "../../src/bank/bundle-write.ts";
import { Counters } from "../../src/bank/counters.ts";
import { generateSigningKey } from "../../src/bank/signing-key.ts";
import { TrustedKeys } from "../../src/bank/trusted-keys.ts";
import type { BrokerConfig } from "../../src/config/config.ts";
import { ConfigKeeper } from "../../src/daemon/config-keeper.ts";
import { DocumentGate } from "../../src/daemon/document-gate.ts";
import { effectiveConfig } from "../../src/daemon/effective-config.ts";
import { Trial } from "../../src/daemon/trial.ts";
import { NOTHING_STORED, TwinFile } from "../../src/daemon/twin-file.ts";
import { Twin } from "../../src/daemon/twin.ts";
import { BankLink } from "../../src/mqtt/bank-link.ts";
import { StationSession } from "../../src/mqtt/station-session.ts";
import { stationTopics } from "../../src/mqtt/topics.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import { sampleDraft } from "../bank/sample-bank.ts";
import { DeliveryRig } from "../daemon/delivery-rig.ts";
import { passed } from "../daemon/passed-part.ts";
import { startMosquitto, type Mosquitto } from "./mosquitto.ts";

const SITE = "plant";
const LINE = "line1";
/** Parts come this often, ms. */
const PART_EVERY_MS = 25;

/** How a station takes what comes. */
export interface Behaviour {
  /** Its parts get verdicts with a bank that came over the broker; else they get none, and it is rolled back. */
  works: boolean;
  /** Its camera plays under whatever configuration. */
  plays: boolean;
}

/**
 * A station without camera and inference: session, twin, gate of documents, delivery, receiver and link of the product, on
 * real files and the real broker.
 */
export class FleetStation {
  readonly name: string;
  readonly behaviour: Behaviour = { works: true, plays: true };
  readonly delivery: DeliveryRig;
  readonly #keeper: ConfigKeeper;
  readonly #session: StationSession;
  readonly #twin: Twin;
  readonly #parts: NodeJS.Timeout;

  constructor(name: string, stateFolder: string, url: string, configured: string) {
    this.name = name;
    const id = `${LINE}/${name}`;
    const target = `${SITE}/${id}`;
    const identity = { site: SITE, line: LINE, station: name };
    const common = { logger: silentLogger, clock: systemClock };
    const station = { line: LINE, name, bank: configured, camera: { source: "test" } };
    const source = {
      text: stringify({ site: SITE, device: name, stateFolder, broker: { url }, stations: [station] }),
      ...{ file: "/fleet.yaml", env: {} },
    };
    const effective = effectiveConfig(source);
    const broker: BrokerConfig = effective.loaded.config.broker;
    this.#keeper = new ConfigKeeper(source, effective, () => undefined);
    const criterion = {
      expected: "the camera to play",
      proved: () => this.behaviour.plays,
      stands: () => this.behaviour.plays,
    };
    const trial = { criteria: [criterion], needsConfirmation: false, withinS: 1, clock: systemClock };
    this.#twin = new Twin({
      ...{ name: id, target, keeper: this.#keeper, ...common },
      gate: new DocumentGate({ stateFolder, allowUnsigned: () => false, ...common }),
      file: new TwinFile(stateFolder, id),
      stored: effective.twins.get(id) ?? NOTHING_STORED,
      leftOut: effective.leftOut.get(id) ?? null,
      trialOf: (changes) => (changes.some(({ apply }) => apply === "restart") ? new Trial(trial) : null),
    });
    const topics = stationTopics(identity).bank;
    this.#session = new StationSession({
      ...{ identity, device: name, boot: "0badcafe", broker, random: Math.random, twin: this.#twin, ...common },
      subscriptions: [
        { topic: topics.offer, qos: 1, handle: (payload: Uint8Array) => this.delivery.delivery.receive(payload) },
      ],
    });
    this.#twin.listen(this.#session);
    this.delivery = new DeliveryRig({
      ...{ stateFolder, modelsFolder: builtInModelsFolder(), configured, offered: null, target },
      onState: (state) => this.#session.setBankState(state),
      link: (listener) =>
        new BankLink({
          ...{ broker, clientId: `bank-${name}`, credentialsFolder: null, topics, random: Math.random, ...common },
          onBlock: (transfer, offset, content) => listener.onBlock(transfer, offset, content),
          onUp: () => listener.onUp(),
        }),
    });
    this.#parts = setInterval(() => {
      const isPushed = this.delivery.banks.slots.active !== null;
      const isLost = isPushed && !this.behaviour.works;
      this.delivery.delivery.outcome(isLost ? passed({ verdict: "NO_VERDICT", score: null }) : passed());
    }, PART_EVERY_MS);
  }

  /** The bank that it works with; null: that of the configuration. */
  get bankId(): string | null {
    return this.delivery.banks.slots.active?.bankId ?? null;
  }

  get threshold(): number | null | undefined {
    return this.#keeper.config.stations[0]?.threshold;
  }

  start(): void {
    this.delivery.delivery.start();
    this.#twin.start();
    this.#session.start();
  }

  async close(): Promise<void> {
    clearInterval(this.#parts);
    this.#twin.close();
    await this.delivery.delivery.close();
    await this.#session.close(500);
  }
}

/** Many stations on one mosquitto, a key that all of them trust, and a bank to send to them. */
export class FleetRig {
  readonly broker: Mosquitto;
  readonly folder: string;
  readonly key: string;
  readonly bank: string;
  readonly stations: FleetStation[] = [];

  private constructor(broker: Mosquitto, folder: string) {
    this.broker = broker;
    this.folder = folder;
    this.key = join(folder, "office.key");
    this.bank = join(folder, "second.bank");
  }

  static async prepare(count: number): Promise<FleetRig> {
    const rig = new FleetRig(await startMosquitto(), await mkdtemp(join(tmpdir(), "nominald-fleet-")));
    const { privatePem, publicPem } = generateSigningKey();
    await writeFile(rig.key, privatePem, { mode: 0o600 });
    const fresh = join(rig.folder, "fresh");
    const keys = join(fresh, "keys");
    mkdirSync(keys, { recursive: true });
    TrustedKeys.open(keys).trust(publicPem, ["bank", "config"], "office", "a test", new Date());
    Counters.open(keys).rearm();
    const { manifest } = await findBackbone([builtInModelsFolder()], { name: "efficientnet-lite0" });
    const draft = sampleDraft();
    const backbone = { name: manifest.name, sha256: manifest.sha256 };
    const first = join(rig.folder, "first.bank");
    await writeBank(first, { ...draft, manifest: { ...draft.manifest, backbone, name: "first" } });
    // The sender wants golden frames; here nobody scores them. With them the bank has five blocks.
    const { width, height } = draft.manifest.parameters.resize;
    const frame = { name: "001.png", knownBad: false, expect: "PASS" as const, score: 1 };
    await writeBank(rig.bank, {
      ...draft,
      manifest: { ...draft.manifest, backbone, name: "second", golden: { width, height, frames: [frame] } },
      golden: new Uint8Array(width * height * 3),
    });
    for (let at = 1; at <= count; at++) {
      const name = `st${String(at).padStart(3, "0")}`;
      const state = join(rig.folder, name);
      cpSync(fresh, state, { recursive: true });
      const station = new FleetStation(name, state, rig.broker.url, first);
      rig.stations.push(station);
      station.start();
    }
    return rig;
  }

  /** @param what `bank` or `config`, and the file */
  arguments(what: readonly string[], ...more: readonly string[]): string[] {
    return ["push", ...what, "--to", this.broker.url, "--station", `${LINE}/+`, "--key", this.key, ...more];
  }

  async dispose(): Promise<void> {
    await Promise.all(this.stations.map((station) => station.close()));
    await this.broker.dispose();
    await rm(this.folder, { recursive: true, force: true });
  }
}
