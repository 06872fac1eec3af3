import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BankStateDocument } from "../../src/daemon/delivery-state.ts";
import { nominald, type Finished, type NominaldProcess } from "./daemon-process.ts";
import type { LineClient } from "./line-client.ts";
import { startMosquitto, type Mosquitto } from "./mosquitto.ts";
import { ANY_VERDICTS, TestLine, writeParts } from "./test-line.ts";

/** A station with a bank, a key that it trusts, and a second bank to send to it. */
export class PushRig {
  readonly line: TestLine;
  readonly broker: Mosquitto;
  readonly folder: string;
  /** The bank that is sent. */
  readonly bank: string;
  readonly key: string;

  private constructor(line: TestLine, broker: Mosquitto, folder: string) {
    this.line = line;
    this.broker = broker;
    this.folder = folder;
    this.bank = join(folder, "second.bank");
    this.key = join(folder, "engineer.key");
  }

  static async prepare(): Promise<PushRig> {
    const [line, broker, folder] = await Promise.all([
      TestLine.prepare(ANY_VERDICTS),
      startMosquitto(),
      mkdtemp(join(tmpdir(), "nominald-push-")),
    ]);
    const rig = new PushRig(line, broker, folder);
    await writeParts(join(folder, "nominal"), new Array<null>(8).fill(null), 5_000);
    const work = ["--size", "64", "--ratio", "1", "--false-reject-rate", "0.1"];
    await ok(nominald(["fit", "--images", join(folder, "nominal"), "--out", rig.bank, "--name", "second", ...work]));
    await ok(nominald(["keys", "generate", "--out", rig.key]));
    await rig.trust(rig.key);
    return rig;
  }

  async trust(key: string): Promise<void> {
    const state = join(this.line.folder, "state");
    await ok(nominald(["keys", "trust", `${key}.pub`, "--state", state, "--role", "bank", "--role", "config"]));
  }

  /** A station that looks at 10 frames of a test pattern a second. */
  async run(
    delivery: object = {},
    options: { readonly environment?: Readonly<Record<string, string>>; readonly station?: object } = {},
  ): Promise<NominaldProcess> {
    const { environment = {}, station = {} } = options;
    return this.line.run({
      environment,
      broker: this.broker.url,
      camera: { source: "test", pattern: "snow", width: 64, height: 64 },
      station: { mode: "continuous", maxRateHz: 10, ...station },
      device: { delivery: { minFreeMebibytes: 0, probationParts: 20, maxLatencyRatio: 100, ...delivery } },
    });
  }

  arguments(...more: readonly string[]): string[] {
    return ["push", "bank", ...more, "--to", this.broker.url, "--station", "line1/st1", "--key", this.key];
  }

  async push(...more: readonly string[]): Promise<Finished> {
    return nominald(this.arguments(...more));
  }

  async dispose(): Promise<void> {
    await this.broker.dispose();
    await this.line.dispose();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function ok(run: Promise<Finished>): Promise<void> {
  const { code, stderr } = await run;
  if (code !== 0) throw new Error(`Expected exit code 0 but received ${code}: ${stderr}`);
}

export function bankStates(client: LineClient): BankStateDocument[] {
  return client.payloads("bank/state").map((payload) => JSON.parse(payload.toString()) as BankStateDocument);
}

/** The newest. */
export function bankState(client: LineClient): BankStateDocument | undefined {
  return bankStates(client).at(-1);
}

/** @returns a copy of a file that a test may change */
export async function copyOf(path: string, name: string): Promise<string> {
  await copyFile(path, `${path}.${name}`);
  return `${path}.${name}`;
}
