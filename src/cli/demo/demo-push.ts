import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Counters } from "../../bank/counters.ts";
import { generateSigningKey } from "../../bank/signing-key.ts";
import { TrustedKeys } from "../../bank/trusted-keys.ts";
import { NominalError } from "../../shared/errors.ts";
import { makeFolder } from "../../shared/make-folder.ts";
import type { CommandIo } from "../io.ts";
import { pushConfigCommand } from "../push/config.ts";

/** A setting that changes no verdict, so that the demo's figures stay comparable. */
const CHANGE = "pictures:\n  overlayQuality: 90\n";

export interface DemoPush {
  readonly stateFolder: string;
  readonly work: string;
  readonly url: string;
  /** `line/name`. */
  readonly station: string;
  readonly io: CommandIo;
}

/** Makes a key on the spot and lets the device trust it, as a person at the device would; before the daemon starts. */
export function trustDemoKey({ stateFolder, work }: DemoPush): void {
  const { privatePem, publicPem } = generateSigningKey();
  const keys = join(stateFolder, "keys");
  makeFolder(stateFolder);
  mkdirSync(keys);
  TrustedKeys.open(keys).trust(publicPem, ["config"], "demo", "the demo's key", new Date());
  Counters.open(keys).rearm();
  writeFileSync(keyFile(work), privatePem, { mode: 0o600 });
}

/** @returns what was wrong; null: the station took a signed configuration while parts passed */
export async function pushDemoConfig({ work, url, station, io }: DemoPush): Promise<string | null> {
  const file = join(work, "push.yaml");
  writeFileSync(file, CHANGE);
  const args = [file, "--to", url, "--station", station, "--key", keyFile(work), "--timeout", "30"];
  try {
    const code = await pushConfigCommand(args, io);
    return code === 0 ? null : `the pushed configuration was not applied: nominald push config ended with ${code}`;
  } catch (error) {
    if (!(error instanceof NominalError)) throw error;
    return `the pushed configuration was not applied: ${error.message}`;
  }
}

function keyFile(work: string): string {
  return join(work, "office.key");
}
