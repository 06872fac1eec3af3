import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readBank } from "../../src/bank/bundle-read.ts";
import { readSlots, type Slots } from "../../src/bank/slots.ts";
import { pushCommand } from "../../src/cli/push.ts";
import { effectiveConfig } from "../../src/daemon/effective-config.ts";
import { banksFolder } from "../../src/daemon/station-banks.ts";
import { NominalError } from "../../src/shared/errors.ts";
import { LineClient } from "./line-client.ts";
import type { NominaldProcess } from "./daemon-process.ts";
import type { PushRig } from "./push-rig.ts";

export interface BreakerOptions {
  readonly rig: PushRig;
  /** In [0, 1). */
  readonly random: () => number;
  readonly kills: number;
  /** Kills of the broker, spread over those of the device. */
  readonly brokerKills: number;
  /** From a verdict to the kill, ms, at most. */
  readonly longestMs: number;
  readonly say: (line: string) => void;
}

/** What the pushes came to, each by its word and its exit code or error, and what was under way at the kills. */
export interface BreakerFigures {
  readonly ends: ReadonlyMap<string, number>;
  readonly stages: ReadonlyMap<string, number>;
}

/** Blocks come slowly enough to be met, and probation takes a second. */
const DELIVERY = { maxKibibytesPerS: 512, probationParts: 10, maxFailRise: 1, maxNoVerdictRise: 1 };
const CONFIG_TIMEOUT_S = "3";

/**
 * Pushes banks, configurations and roll backs without end, while the device is killed at random moments, and the broker now
 * and then. After each kill what lies on the disk is whole, the old or the new; after each start verdicts go on.
 */
export class PushBreaker {
  readonly #options: BreakerOptions;
  readonly #over = new AbortController();
  readonly #ends = new Map<string, number>();
  readonly #stages = new Map<string, number>();
  #bankIds: readonly string[] = [];
  #version = 0;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  async run(): Promise<BreakerFigures> {
    const { rig, kills, brokerKills, random, longestMs, say } = this.#options;
    this.#bankIds = await Promise.all([rig.line.bank, rig.bank].map(async (path) => (await readBank(path)).bankId));
    let daemon: NominaldProcess = await rig.run(DELIVERY);
    const engineer = this.#pushAll();
    // It is awaited below; until then a failure of it is no unheard one.
    engineer.catch(() => undefined);
    try {
      for (let kill = 1; kill <= kills; kill++) {
        await this.#verdict(daemon);
        const waitMs = Math.round(random() * longestMs);
        await sleep(waitMs);
        if (brokerKills > 0 && kill % Math.max(1, Math.floor(kills / brokerKills)) === 0) {
          await rig.broker.kill();
          await rig.broker.start();
        }
        await daemon.dispose();
        const found = await this.#look();
        say(`kill ${kill} of ${kills}, ${waitMs} ms after a verdict: ${found}`);
        daemon = await rig.run(DELIVERY);
      }
      await this.#verdict(daemon);
      this.#over.abort();
      await engineer;
      await this.#calm();
    } finally {
      this.#over.abort();
      await daemon.dispose();
    }
    return { ends: this.#ends, stages: this.#stages };
  }

  /** The engineer's desk: a bank, a configuration, a roll back, and again. */
  async #pushAll(): Promise<void> {
    const { rig } = this.#options;
    const { signal } = this.#over;
    while (!signal.aborted) {
      await this.#push("bank", ["bank", rig.bank], signal);
      await this.#push("config", await this.#config(), signal);
      await this.#push("roll back", ["bank", "--rollback"], signal);
    }
  }

  /** Two keys that go together: half of a configuration would be seen. */
  async #config(): Promise<string[]> {
    const file = join(this.#options.rig.folder, "change.yaml");
    this.#version = (this.#version % 90) + 1;
    await writeFile(file, `threshold: ${this.#version}\npictures:\n  overlayQuality: ${this.#version}\n`);
    return ["config", file, "--timeout", CONFIG_TIMEOUT_S];
  }

  /** @returns exit code or error's code */
  async #push(what: string, args: readonly string[], signal: AbortSignal): Promise<string> {
    const { rig } = this.#options;
    const io = { out: () => undefined, err: () => undefined, isTerminal: false, signal };
    const to = ["--to", rig.broker.url, "--station", "line1/st1", "--key", rig.key];
    let end: string;
    try {
      end = String(await pushCommand([...args, ...to], io));
    } catch (error) {
      // A device that is away, or has counted further than its last word on the broker; the next push goes on.
      if (signal.aborted) return "stopped";
      if (!(error instanceof NominalError) || error.faultClass === "bug") throw error;
      end = error.code;
      await sleep(100);
    }
    const key = `${what} ${end}`;
    this.#ends.set(key, (this.#ends.get(key) ?? 0) + 1);
    return end;
  }

  /** @returns what the dead device was at @throws when anything on its disk is not whole */
  async #look(): Promise<string> {
    const { rig } = this.#options;
    const folder = banksFolder(join(rig.line.folder, "state"), "line1", "st1");
    const slots = readSlots(folder);
    const active = slots?.active ?? null;
    const path = active === null ? rig.line.bank : join(folder, active.file);
    const { bankId } = await readBank(path);
    assert.ok(this.#bankIds.includes(bankId), `a bank that nobody pushed: ${bankId}`);
    if (active !== null) assert.equal(bankId, active.bankId);
    const file = join(rig.line.folder, "config.yaml");
    const effective = effectiveConfig({ text: await readFile(file, "utf8"), file, env: {} });
    assert.deepEqual(
      [...effective.leftOut.values()].filter((problem) => problem !== null),
      [],
    );
    const [station] = effective.loaded.config.stations;
    const threshold = station?.threshold ?? null;
    if (threshold !== null) assert.equal(station?.pictures.overlayQuality, threshold, "half of a configuration");
    const at = stageOf(slots, folder);
    this.#stages.set(at, (this.#stages.get(at) ?? 0) + 1);
    return `${bankId} is active, threshold ${threshold}, ${at}`;
  }

  async #verdict(daemon: NominaldProcess): Promise<void> {
    const client = await LineClient.connect(this.#options.rig.broker.url);
    try {
      await client.until(`a verdict by a whole bank\n${daemon.stderr.slice(-2_000)}`, () =>
        client.records().some(({ bank, verdict }) => verdict !== "NO_VERDICT" && this.#bankIds.includes(bank ?? "")),
      );
    } finally {
      await client.close();
    }
  }

  /** After all of it both ways still work. */
  async #calm(): Promise<void> {
    const { rig } = this.#options;
    const { signal } = new AbortController();
    // What is under way ends by itself first, or is the same bank.
    for (let tries = 0; (await this.#push("last bank", ["bank", rig.bank], signal)) !== "0"; tries++) {
      assert.ok(tries < 60, `a bank can be pushed after all of it: ${[...this.#ends.keys()].join(", ")}`);
    }
    for (let tries = 0; (await this.#push("last config", await this.#config(), signal)) !== "0"; tries++) {
      assert.ok(tries < 20, "a configuration can be pushed after all of it");
    }
    const client = await LineClient.connect(rig.broker.url);
    await client.until("its verdicts", () => client.records().at(-1)?.bank === this.#bankIds[1]);
    await client.close();
  }
}

/** What a delivery was at, by what it left on the disk. */
function stageOf(slots: Slots | null, folder: string): string {
  if (slots !== null && slots.probationStarts !== null) return "probation";
  if (slots !== null && slots.candidate !== null) return "gate";
  return existsSync(join(folder, "offer.dsse")) ? "receiving" : "a configuration, or nothing";
}
