import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Counters } from "../../src/bank/counters.ts";
import { UNSIGNED } from "../../src/bank/envelope.ts";
import { signDocument } from "../../src/bank/signed-document.ts";
import { generateSigningKey, readSigningKey, type SigningKey } from "../../src/bank/signing-key.ts";
import { TrustedKeys, type KeyRole } from "../../src/bank/trusted-keys.ts";
import { DocumentGate } from "../../src/daemon/document-gate.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import { KeptLog } from "../support/kept-log.ts";

const TARGET = "plant/line1/st1";
const EXPECTED = { type: "config", target: TARGET } as const;

interface Rig {
  readonly gate: DocumentGate;
  readonly keysFolder: string;
  readonly log: KeptLog;
  readonly trust: (...roles: KeyRole[]) => SigningKey;
  allowUnsigned: boolean;
}

function rig(t: TestContext): Rig {
  const stateFolder = mkdtempSync(join(tmpdir(), "nominald-gate-"));
  t.after(() => rmSync(stateFolder, { recursive: true }));
  const keysFolder = join(stateFolder, "keys");
  mkdirSync(keysFolder);
  Counters.open(keysFolder).rearm();
  const log = new KeptLog();
  const made: Rig = {
    gate: new DocumentGate({
      stateFolder,
      allowUnsigned: () => made.allowUnsigned,
      clock: systemClock,
      logger: log,
    }),
    keysFolder,
    log,
    trust: (...roles) => {
      const { privatePem, publicPem } = generateSigningKey();
      TrustedKeys.open(keysFolder).trust(publicPem, roles, "", "a test", new Date());
      return readSigningKey(privatePem, "a test");
    },
    allowUnsigned: false,
  };
  return made;
}

function config(counter: number, key: SigningKey | null): Buffer {
  return signDocument({ type: "config", target: TARGET, counter, body: { threshold: 2 } }, key);
}

test("a document passes once: its counter and older ones are replays from then on, over restarts", (t) => {
  const { gate, keysFolder, trust } = rig(t);
  const key = trust("config");
  const document = gate.open(config(7, key), EXPECTED);
  gate.take(document);
  assert.deepEqual(gate.counters("config", TARGET), { [key.keyId]: 7 });
  assert.throws(() => gate.take(gate.open(config(7, key), EXPECTED)), { code: "counter-replayed" });
  assert.throws(() => gate.check(gate.open(config(6, key), EXPECTED)), { code: "counter-replayed" });
  assert.equal(Counters.open(keysFolder).last(document), 7);
});

test("keys are rotated without a moment in which no key is trusted, and the old one signs nothing after that", (t) => {
  const { gate, keysFolder, trust } = rig(t);
  const old = trust("config");
  gate.take(gate.open(config(40, old), EXPECTED));
  const next = trust("config");
  gate.take(gate.open(config(41, old), EXPECTED));
  // The new key counts by itself.
  gate.take(gate.open(config(1, next), EXPECTED));
  TrustedKeys.open(keysFolder).revoke(old.keyId, new Date());
  assert.throws(() => gate.open(config(42, old), EXPECTED), { code: "key-untrusted" });
  gate.take(gate.open(config(2, next), EXPECTED));
});

test("lost counters refuse every push until they are armed, which the gate sees without a restart", (t) => {
  const { gate, keysFolder, trust } = rig(t);
  const key = trust("config");
  rmSync(join(keysFolder, "counters.json"));
  const document = gate.open(config(1, key), EXPECTED);
  assert.throws(() => gate.take(document), { code: "counters-lost", message: /keys rearm/ });
  assert.match(gate.status().problem ?? "", /counters\.json is not there/);
  Counters.open(keysFolder).rearm();
  gate.take(document);
});

test("a document that nobody signed passes only where the device's own file allows it, and that is told", (t) => {
  const made = rig(t);
  const { gate, log } = made;
  gate.start();
  assert.equal(log.lines.length, 0);
  assert.throws(() => gate.open(config(1, null), EXPECTED), { code: "unsigned" });
  assert.match(gate.status().problem ?? "", /no key is trusted/);
  made.allowUnsigned = true;
  gate.close();
  gate.start();
  t.after(() => gate.close());
  assert.match(log.lines[0]?.msg ?? "", /allowUnsigned is true/);
  assert.deepEqual(gate.status(), { allowUnsigned: true, trustedKeys: 0, problem: null });
  const document = gate.open(config(1, null), EXPECTED);
  assert.equal(document.keyId, UNSIGNED);
  gate.take(document);
  assert.throws(() => gate.take(document), { code: "counter-replayed" });
  // Signed documents are held to their signatures all the same.
  assert.throws(() => gate.open(config(2, readSigningKey(generateSigningKey().privatePem, "x")), EXPECTED), {
    code: "key-untrusted",
  });
});
