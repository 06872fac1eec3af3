import assert from "node:assert/strict";
import { closeSync, cpSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import { readBank } from "../../src/bank/bundle-read.ts";
import { writeBank } from "../../src/bank/bundle-write.ts";
import type { BankOffer } from "../../src/bank/offer.ts";
import { generateSigningKey, readSigningKey, type SigningKey } from "../../src/bank/signing-key.ts";
import { TrustedKeys } from "../../src/bank/trusted-keys.ts";
import { offeredFiles, type OfferedFiles } from "../../src/cli/push/offered-files.ts";
import { InputError } from "../../src/shared/errors.ts";
import { sampleDraft } from "../bank/sample-bank.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";
import { until } from "../support/until.ts";
import { bankOffer, DeliveryRig, prepareDevice, sign, type DeliveryRigOptions } from "./delivery-rig.ts";
import { passed } from "./passed-part.ts";

const models = builtInModelsFolder();
let folder: string;
let first: string;
let second: string;
let third: string;
let fresh: string;
let key: SigningKey;
let stateFolder: string;
let offer: BankOffer;
let offered: OfferedFiles;
let count = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-delivery-"));
  fresh = join(folder, "fresh");
  await mkdir(fresh);
  key = prepareDevice(fresh).key;
  [first, second, third] = await Promise.all([bankOf("first"), bankOf("second"), bankOf("third")]);
  ({ offer, offered } = await bankOffer(second));
});
after(async () => {
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  stateFolder = join(folder, `state-${++count}`);
  cpSync(fresh, stateFolder, { recursive: true });
});

async function bankOf(name: string): Promise<string> {
  const { manifest } = await findBackbone([models], { name: "efficientnet-lite0" });
  const path = join(folder, `${name}.bank`);
  const draft = sampleDraft();
  const backbone = { name: manifest.name, sha256: manifest.sha256 };
  await writeBank(path, { ...draft, manifest: { ...draft.manifest, backbone, name } });
  return path;
}

function rigOf(options: Partial<DeliveryRigOptions> = {}): DeliveryRig {
  const rig = new DeliveryRig({ stateFolder, modelsFolder: models, configured: first, offered, ...options });
  rig.delivery.start();
  return rig;
}

/** Writes until the disk takes nothing more. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, Buffer.alloc(4_096));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
  } finally {
    closeSync(file);
  }
}

async function stage(rig: DeliveryRig, wanted: string): Promise<void> {
  await until(`stage ${wanted}`, () => rig.state.delivery?.stage === wanted);
}

async function refused(rig: DeliveryRig, code: string): Promise<void> {
  await until(`a refusal with ${code}`, () => rig.state.refused !== null);
  assert.equal(rig.state.refused?.code, code);
  assert.equal(rig.banks.slots.active, null);
}

test("a bank is committed after its probation and the one before is kept; a roll back leads there, once", async () => {
  const rig = rigOf();
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "probation");
  assert.deepEqual(rig.state.active, { bankId: offer.bankId, source: "pushed" });
  for (let part = 0; part < 3; part++) rig.delivery.outcome(passed());
  await stage(rig, "committed");
  rig.delivery.receive(sign({ action: "rollback" }, 2, key));
  await until("the roll back", () => rig.state.active.source === "configuration");
  assert.equal(rig.state.delivery?.reason?.code, "asked-for");
  // It is told before the bank is loaded.
  await until("the load of the bank before", () => rig.loads.length === 2);
  assert.deepEqual(rig.loads, [offer.bankId, (await readBank(first)).bankId]);
  rig.delivery.receive(sign({ action: "rollback" }, 3, key));
  await refused(rig, "no-previous-bank");
  await rig.delivery.close();
});

test("two banks are on the disk, and the third that comes pushes the oldest out", async () => {
  const rig = rigOf();
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "probation");
  for (let part = 0; part < 3; part++) rig.delivery.outcome(passed());
  await rig.delivery.close();
  const another = await bankOffer(third);
  const next = rigOf({ offered: another.offered });
  next.delivery.receive(sign(another.offer, 2, key));
  await stage(next, "probation");
  for (let part = 0; part < 3; part++) next.delivery.outcome(passed());
  await stage(next, "committed");
  assert.deepEqual([next.state.active.bankId, next.state.previous?.bankId], [another.offer.bankId, offer.bankId]);
  const banks = (await readdir(next.banks.folder)).filter((name) => name.endsWith(".bank"));
  assert.equal(banks.length, 2);
  await next.delivery.close();
});

test("a stranger's, a revoked, a foreign and an old offer are refused, each with its reason", async () => {
  const rig = rigOf();
  const stranger = readSigningKey(generateSigningKey().privatePem, "test");
  rig.delivery.receive(sign(offer, 1, stranger));
  await refused(rig, "key-untrusted");
  rig.delivery.receive(sign(offer, 1, key, "test/line1/st2"));
  await refused(rig, "document-target");
  rig.delivery.receive(sign({ action: "withdraw", bankId: null }, 7, key));
  assert.equal(rig.state.refused, null);
  rig.delivery.receive(sign(offer, 7, key));
  await refused(rig, "counter-replayed");
  rig.delivery.receive(sign(offer, 6, key));
  await refused(rig, "counter-replayed");
  TrustedKeys.open(join(stateFolder, "keys")).revoke(key.keyId, new Date());
  rig.delivery.receive(sign(offer, 8, key));
  await refused(rig, "key-untrusted");
  assert.equal(existsSync(join(rig.banks.folder, "incoming")), false);
  await rig.delivery.close();
});

test("an offer of which any one byte is another is refused, and nothing is fetched", async () => {
  const rig = rigOf({ onWire: () => assert.fail("Expected nothing to be asked for") });
  const envelope = sign(offer, 1, key);
  for (let at = 0; at < envelope.length; at++) {
    const flipped = Buffer.from(envelope);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    rig.delivery.receive(flipped);
    assert.notEqual(rig.state.refused, null, `byte ${at}`);
    assert.equal(rig.state.delivery, null, `byte ${at}`);
  }
  await rig.delivery.close();
});

test("damaged and cut blocks are asked for again and never reach the bank", async () => {
  let bad = 0;
  const rig = rigOf({
    onWire: (content) => {
      bad++;
      if (bad === 1) return content.map((byte, at) => (at === 5 ? byte ^ 1 : byte));
      if (bad === 2) return content.subarray(1);
      return content;
    },
  });
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "probation");
  assert.ok(bad >= 4, String(bad));
  const { active } = rig.banks.slots;
  assert.deepEqual(readFileSync(rig.banks.pathOf(active)), readFileSync(second));
  await rig.delivery.close();
});

test("blocks that are all right do not help a file that is not the signed one", async () => {
  const [bank] = offer.files;
  if (bank === undefined) throw new Error("unreachable");
  const sha256 = `${bank.sha256.slice(0, 16)}${"0".repeat(48)}`;
  const rig = rigOf();
  rig.delivery.receive(sign({ ...offer, files: [{ ...bank, sha256 }] }, 1, key));
  await stage(rig, "refused");
  assert.equal(rig.state.delivery?.reason?.code, "file-damaged");
  assert.deepEqual(await readdir(rig.banks.folder), []);
  await rig.delivery.close();
});

test("of two offers at once the first goes on; after its withdrawal the other one may come", async () => {
  const rig = rigOf({ onWire: () => null });
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "receiving");
  const another = await bankOffer(third);
  rig.delivery.receive(sign(another.offer, 2, key));
  await refused(rig, "bank-busy");
  assert.equal(rig.state.delivery?.bankId, offer.bankId);
  rig.delivery.receive(sign({ action: "withdraw", bankId: null }, 3, key));
  await stage(rig, "withdrawn");
  assert.deepEqual(await readdir(rig.banks.folder), []);
  rig.delivery.receive(sign(another.offer, 4, key));
  await stage(rig, "receiving");
  await rig.delivery.close();
});

test("of two offers in one breath the first goes on, and a copy of it changes nothing", async () => {
  const another = await bankOffer(third);
  const rig = rigOf();
  const envelope = sign(offer, 1, key);
  rig.delivery.receive(envelope);
  rig.delivery.receive(envelope);
  assert.equal(rig.state.refused, null);
  rig.delivery.receive(sign(another.offer, 2, key));
  await refused(rig, "bank-busy");
  await stage(rig, "probation");
  assert.deepEqual([rig.state.active.bankId, rig.loads], [offer.bankId, [offer.bankId]]);
  assert.equal(rig.state.delivery?.counter, 1);
  // The counter of the one that was refused is still free.
  for (let part = 0; part < 3; part++) rig.delivery.outcome(passed());
  await stage(rig, "committed");
  rig.delivery.receive(sign({ action: "rollback" }, 2, key));
  await until("the roll back", () => rig.state.active.source === "configuration");
  await rig.delivery.close();
});

test("an offer that is refused for where its file lies leaves the transfer of the same bank that is under way", async () => {
  let isSilent = true;
  const rig = rigOf({ onWire: (content) => (isSilent ? null : content) });
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "receiving");
  const elsewhere = offer.files.map((file) => ({ ...file, url: "https://elsewhere.example/second.bank" }));
  rig.delivery.receive(sign({ ...offer, files: elsewhere }, 2, key));
  await refused(rig, "url-host");
  isSilent = false;
  await stage(rig, "probation");
  assert.equal(rig.state.delivery?.counter, 1);
  await rig.delivery.close();
});

test("an offer that is looked at when its station ends is not begun, and can come again", async () => {
  const rig = rigOf({ onWire: () => assert.fail("Expected nothing to be asked for") });
  const envelope = sign(offer, 1, key);
  rig.delivery.receive(envelope);
  await rig.delivery.close();
  await refused(rig, "closing");
  assert.equal(rig.state.delivery, null);
  const again = rigOf();
  again.delivery.receive(envelope);
  await stage(again, "probation");
  await again.delivery.close();
});

test("a transfer goes on after a restart of the device, and of the sender under a new counter", async () => {
  const rig = rigOf({ onWire: () => null });
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "receiving");
  await rig.delivery.close();
  const again = rigOf({ onWire: () => null });
  assert.equal(again.state.delivery?.stage, "receiving");
  again.delivery.receive(sign(offer, 2, key));
  await until("the new offer", () => again.state.delivery?.counter === 2);
  await again.delivery.close();
  const third = rigOf();
  await stage(third, "probation");
  await third.delivery.close();
});

test("a key that is revoked while the device is off ends the transfer that it had signed", async () => {
  const rig = rigOf({ onWire: () => null });
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "receiving");
  await rig.delivery.close();
  TrustedKeys.open(join(stateFolder, "keys")).revoke(key.keyId, new Date());
  const again = rigOf();
  await refused(again, "key-untrusted");
  assert.equal(again.state.delivery, null);
  assert.deepEqual(await readdir(again.banks.folder), []);
  await again.delivery.close();
});

test("a bank that the gate refuses leaves the old one and nothing on the disk", async () => {
  const rig = rigOf({ tryBank: () => Promise.reject(new InputError("gate-refused", "scores drift by 9 %")) });
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "refused");
  assert.deepEqual(rig.state.delivery?.reason, { code: "gate-refused", message: "scores drift by 9 %" });
  assert.equal(rig.state.active.source, "configuration");
  assert.deepEqual(rig.loads, []);
  assert.deepEqual(await readdir(rig.banks.folder), ["slots.json"]);
  await rig.delivery.close();
});

test("a signed bank with NaN rows, cut off at any block, or of another id is refused by what reads it", async () => {
  const whole = readFileSync(second);
  const { manifest, ...arrays } = sampleDraft();
  const bad = join(folder, "bad.bank");
  await writeBank(bad, { ...arrays, rows: Float32Array.of(1, 2, Number.NaN, 4, 5, 6), manifest });
  const contents = [readFileSync(bad)];
  for (let at = 512; at < whole.length - 10_240; at += 512) contents.push(whole.subarray(0, at));
  const rig = rigOf();
  await rig.delivery.close();
  let counter = 0;
  for (const content of contents) {
    await writeFile(bad, content);
    const files = await offeredFiles(bad, null);
    const one = rigOf({ offered: files });
    one.delivery.receive(sign({ ...offer, files: files.files }, ++counter, key));
    await stage(one, "refused");
    assert.equal(one.state.delivery?.reason?.code, "bank-damaged");
    assert.equal(one.banks.slots.active, null);
    await one.delivery.close();
  }
  const last = rigOf();
  last.delivery.receive(sign({ ...offer, bankId: "washer-00000000" }, ++counter, key));
  await stage(last, "refused");
  assert.equal(last.state.delivery?.reason?.code, "bank-id");
  await last.delivery.close();
});

test("a bank whose backbone is nowhere is refused before it travels", async () => {
  const rig = rigOf();
  rig.delivery.receive(sign({ ...offer, backboneSha256: "ab".repeat(32) }, 1, key));
  await refused(rig, "wrong-backbone");
  assert.deepEqual(rig.state.counters, {});
  await rig.delivery.close();
});

test("an offer that would not leave enough of the disk free is refused with both figures", async () => {
  const rig = rigOf({ limits: { minFreeMebibytes: 2 ** 30 } });
  rig.delivery.receive(sign(offer, 1, key));
  await refused(rig, "disk-full");
  assert.match(rig.state.refused?.message ?? "", /^Expected \d+ bytes free .* but there are \d+$/);
  await rig.delivery.close();
});

test("a station whose folder cannot be made works with the configuration's bank, and says why it takes no other", async () => {
  const banks = join(stateFolder, "banks", "line1");
  await mkdir(banks, { recursive: true });
  await symlink(join(stateFolder, "nothing", "there"), join(banks, "st1"));
  const rig = rigOf();
  assert.deepEqual(rig.state.active, { bankId: null, source: "configuration" });
  rig.delivery.receive(sign(offer, 1, key));
  await refused(rig, "delivery");
  assert.match(rig.state.refused?.message ?? "", /st1/);
  await rig.delivery.close();
});

test("a disk that fills during a transfer ends it, gives the room back and leaves the bank", async (t) => {
  const disk = await smallTmpfs(t, "size=256k");
  if (disk === null) return;
  cpSync(fresh, join(disk, "state"), { recursive: true });
  let isFull = false;
  const rig = rigOf({
    stateFolder: join(disk, "state"),
    onWire: (content) => {
      if (!isFull) fill(join(disk, "ballast"));
      isFull = true;
      return content;
    },
  });
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "failed");
  assert.equal(rig.state.delivery?.reason?.code, "transfer-write");
  assert.equal(rig.banks.slots.active, null);
  assert.equal(existsSync(join(rig.banks.folder, "incoming")), false);
  await rig.delivery.close();
});

test("damaged slots are set aside, and the configuration's bank counts", async () => {
  const rig = rigOf();
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "probation");
  await rig.delivery.close();
  await writeFile(join(rig.banks.folder, "slots.json"), '{"active":{"file":"../../x.bank"}}');
  const again = rigOf();
  assert.equal(again.banks.pathOf(again.banks.slots.active), first);
  await again.delivery.close();
});

test("who names another bank in the configuration means it", async () => {
  const rig = rigOf();
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "probation");
  for (let part = 0; part < 3; part++) rig.delivery.outcome(passed());
  await stage(rig, "committed");
  await rig.delivery.close();
  const again = rigOf({ configured: third });
  assert.equal(again.banks.pathOf(again.banks.slots.active), third);
  await again.delivery.close();
});

test("a bank that loses the inference process twice is rolled back", async () => {
  const rig = rigOf();
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "probation");
  rig.delivery.inferenceLost();
  assert.equal(rig.state.delivery?.stage, "probation");
  rig.delivery.inferenceLost();
  assert.equal(rig.state.delivery?.stage, "rolled-back");
  assert.equal(rig.state.delivery.reason?.code, "probation-inference");
  await rig.delivery.close();
});

test("a bank with which the daemon ends again and again is rolled back at the fourth start", async () => {
  const rig = rigOf();
  rig.delivery.receive(sign(offer, 1, key));
  await stage(rig, "probation");
  await rig.delivery.close();
  for (const starts of [2, 3]) {
    const again = rigOf();
    assert.deepEqual([again.banks.slots.probationStarts, again.state.active.source], [starts, "pushed"]);
    await again.delivery.close();
  }
  const last = rigOf();
  assert.equal(last.state.active.source, "configuration");
  assert.equal(last.state.delivery?.reason?.code, "probation-restarts");
  await last.delivery.close();
  // The offer is gone with it: nothing is tried once more.
  const calm = rigOf();
  assert.deepEqual([calm.state.active.source, calm.state.delivery], ["configuration", null]);
  await calm.delivery.close();
});

const SHADOW = { parts: 5, seconds: 600 };

test("a bank in shadow stays the candidate, over a restart too, until it is promoted and goes the way of any", async () => {
  const rig = rigOf();
  rig.delivery.receive(sign({ ...offer, shadow: SHADOW }, 1, key));
  await stage(rig, "shadow");
  assert.deepEqual(rig.state.active, { bankId: null, source: "configuration" });
  assert.equal(rig.banks.slots.candidate?.bankId, offer.bankId);
  const { figures, ...terms } = rig.state.delivery?.shadow ?? assert.fail("Expected figures");
  assert.deepEqual([terms, figures.parts], [{ awaits: "parts", ...SHADOW }, 0]);
  // That the active bank gives way to the one before is not its doing.
  rig.delivery.fellBack(new InputError("gate-refused", "the active one"));
  // Its parts are no probation: nothing is rolled back or committed by them.
  for (let part = 0; part < 10; part++) rig.delivery.outcome(passed());
  assert.equal(rig.state.delivery?.stage, "shadow");
  await rig.delivery.close();

  const next = rigOf({ onWire: () => assert.fail("Expected the bank to be there") });
  await stage(next, "shadow");
  next.delivery.receive(sign({ action: "promote", bankId: "another-00000000" }, 2, key));
  assert.equal(next.state.refused?.code, "no-shadow");
  next.delivery.receive(sign({ action: "promote", bankId: offer.bankId }, 3, key));
  await stage(next, "probation");
  assert.deepEqual(next.state.active, { bankId: offer.bankId, source: "pushed" });
  assert.deepEqual([next.loads, next.state.refused], [[offer.bankId], null]);
  for (let part = 0; part < 3; part++) next.delivery.outcome(passed());
  await stage(next, "committed");
  next.delivery.receive(sign({ action: "promote", bankId: null }, 4, key));
  assert.equal(next.state.refused?.code, "no-shadow");
  await next.delivery.close();
});

test("a bank in shadow is withdrawn and leaves nothing on the disk; meanwhile no other bank and no roll back is taken", async () => {
  const rig = rigOf();
  rig.delivery.receive(sign({ ...offer, shadow: SHADOW }, 1, key));
  await stage(rig, "shadow");
  rig.delivery.receive(sign({ ...offer, bankId: "another-00000000" }, 2, key));
  await refused(rig, "bank-busy");
  rig.delivery.receive(sign({ action: "rollback" }, 3, key));
  assert.equal(rig.state.refused?.code, "bank-busy");
  rig.delivery.receive(sign({ action: "withdraw", bankId: null }, 4, key));
  await stage(rig, "withdrawn");
  assert.equal(rig.banks.slots.candidate, null);
  assert.deepEqual(
    (await readdir(rig.banks.folder)).filter((name) => name.endsWith(".bank") || name === "offer.dsse"),
    [],
  );
  await rig.delivery.close();
  const next = rigOf();
  assert.equal(next.state.delivery, null);
  await next.delivery.close();
});

test("the same bank, offered again without a shadow, goes to work", async () => {
  const rig = rigOf();
  rig.delivery.receive(sign({ ...offer, shadow: SHADOW }, 1, key));
  await stage(rig, "shadow");
  rig.delivery.receive(sign(offer, 2, key));
  await stage(rig, "probation");
  assert.equal(rig.state.active.bankId, offer.bankId);
  await rig.delivery.close();
});
