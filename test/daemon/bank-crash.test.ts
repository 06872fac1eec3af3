import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { writeBank } from "../../src/bank/bundle-write.ts";
import { readBank } from "../../src/bank/bundle-read.ts";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import type { SigningKey } from "../../src/bank/signing-key.ts";
import { sampleDraft } from "../bank/sample-bank.ts";
import { until } from "../support/until.ts";
import { bankOffer, DeliveryRig, prepareDevice, sign } from "./delivery-rig.ts";
import { passed } from "./passed-part.ts";

const CHILD = fileURLToPath(new URL("bank-deliver.child.ts", import.meta.url));
/** Steps of a whole delivery: counter, offer, candidate, active, committed; four each. */
const STEPS = 20;

let folder: string;
let first: string;
let second: string;
let fresh: string;
let key: SigningKey;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-bank-crash-"));
  first = join(folder, "first.bank");
  second = join(folder, "second.bank");
  fresh = join(folder, "fresh");
  const { manifest } = await findBackbone([builtInModelsFolder()], { name: "efficientnet-lite0" });
  const draft = sampleDraft();
  const backbone = { name: manifest.name, sha256: manifest.sha256 };
  await writeBank(first, { ...draft, manifest: { ...draft.manifest, backbone, name: "first" } });
  await writeBank(second, { ...draft, manifest: { ...draft.manifest, backbone, name: "second" } });
  await mkdir(fresh);
  key = prepareDevice(fresh).key;
});
after(async () => {
  await rm(folder, { recursive: true });
});

async function killedAt(state: string, envelope: string, step: number): Promise<string> {
  const args = ["--import", "tsx", CHILD, state, builtInModelsFolder(), first, second, envelope, String(step)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await new Promise((resolve) => child.on("close", resolve));
  return said;
}

test("a device that dies after any step of writing has a whole bank, and takes the new one all the same", async () => {
  const { offer, offered } = await bankOffer(second);
  const ids = await Promise.all([first, second].map(async (path) => (await readBank(path)).bankId));
  const ends = await Promise.all(
    Array.from({ length: 4 }, async (_, lane) => {
      const said: string[] = [];
      for (let step = lane + 1; step <= STEPS + 1; step += 4) {
        const state = join(folder, `state-${step}`);
        cpSync(fresh, state, { recursive: true });
        const envelope = join(folder, `offer-${step}`);
        await writeFile(envelope, sign(offer, 1, key));
        said.push(`${step} ${await killedAt(state, envelope, step)}`);
        const rig = new DeliveryRig({
          stateFolder: state,
          modelsFolder: builtInModelsFolder(),
          configured: first,
          offered,
        });
        rig.delivery.start();
        // Whatever the slots say is a whole bank, the old one or the new one.
        const { bankId } = await readBank(rig.banks.pathOf(rig.banks.slots.active));
        assert.ok(ids.includes(bankId), `step ${step}: ${bankId}`);
        // What the device had not taken for good is sent again, under a new counter.
        if (rig.state.delivery === null && rig.banks.slots.active === null) rig.delivery.receive(sign(offer, 2, key));
        await until(`the end after step ${step}`, () => {
          if (rig.banks.slots.probationStarts !== null) rig.delivery.outcome(passed());
          return rig.banks.slots.active !== null && rig.banks.slots.probationStarts === null;
        });
        await rig.delivery.close();
        const left = await readdir(rig.banks.folder);
        assert.deepEqual(left.sort(), [rig.banks.slots.active?.file, "slots.json"].sort());
      }
      return said;
    }),
  );
  const steps = ["written", "synced", "renamed", "folder-synced"];
  const expected = Array.from({ length: STEPS }, (_, i) => `${i + 1} ${steps[i % 4] ?? ""}`);
  assert.deepEqual(ends.flat().sort(), [...expected, `${STEPS + 1} committed`].sort());
});
