import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Counters } from "../../src/bank/counters.ts";
import type { DocumentHead } from "../../src/bank/signed-document.ts";
import { generateSigningKey } from "../../src/bank/signing-key.ts";
import { TrustedKeys } from "../../src/bank/trusted-keys.ts";

const NOW = new Date("2026-01-02T03:04:05Z");
const LATER = new Date("2026-02-02T03:04:05Z");

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "nominald-keys-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test("trusted and revoked keys are the same after a restart, and a revoked one is never trusted again", (t) => {
  const path = folder(t);
  const { keyId, publicPem } = generateSigningKey();
  TrustedKeys.open(path).trust(publicPem, ["config", "bank", "config"], "office", "a.pub", NOW);
  const again = TrustedKeys.open(path);
  assert.deepEqual(again.find(keyId)?.roles, ["config", "bank"]);
  assert.throws(() => again.trust(publicPem, ["bank"], "", "a.pub", NOW), { code: "key-known" });
  again.revoke(keyId, NOW);
  const revoked = TrustedKeys.open(path);
  assert.equal(revoked.find(keyId), undefined);
  assert.throws(() => revoked.trust(publicPem, ["bank"], "", "a.pub", NOW), { code: "key-revoked" });
  // The first time stands: it says since when nothing of the key counts.
  assert.equal(revoked.revoke(keyId, LATER).revokedAt, NOW.toISOString());
  assert.throws(() => revoked.revoke("0123456789abcdef", NOW), { code: "key-unknown" });
});

test("a file of trusted keys that is damaged trusts nobody, and says so", (t) => {
  const path = folder(t);
  const one = generateSigningKey();
  const two = generateSigningKey();
  TrustedKeys.open(path).trust(one.publicPem, ["config"], "", "a.pub", NOW);
  const file = join(path, "trusted-keys.json");
  const good = readFileSync(file, "utf8");
  writeFileSync(file, good.slice(0, -20));
  assert.throws(() => TrustedKeys.open(path), { code: "trusted-keys", faultClass: "device" });
  writeFileSync(file, good.replace(one.keyId, two.keyId));
  assert.throws(() => TrustedKeys.open(path), { code: "trusted-keys", message: /its public key is that of/ });
});

const head: DocumentHead = {
  type: "config",
  role: "config",
  target: "plant/line1/st1",
  counter: 5,
  keyId: "0123456789abcdef",
};

test("a counter only grows, for each key, type and target by itself, and over restarts", (t) => {
  const path = folder(t);
  Counters.open(path).rearm();
  const counters = Counters.open(path);
  assert.equal(counters.last(head), 0);
  counters.advance(head);
  const again = Counters.open(path);
  assert.equal(again.last(head), 5);
  assert.throws(() => again.check(head), { code: "counter-replayed", message: /above 5 .* received 5/ });
  assert.throws(() => again.advance({ ...head, counter: 4 }), { code: "counter-replayed" });
  again.check({ ...head, counter: 6 });
  for (const other of [{ target: "plant/line1/st2" }, { type: "bank-offer" as const }, { keyId: "ffffffffffffffff" }]) {
    again.check({ ...head, ...other, counter: 1 });
  }
});

test("lost and damaged counters refuse every push until they are armed again", (t) => {
  const path = folder(t);
  assert.throws(() => Counters.open(path).check(head), { code: "counters-lost", message: /is not there/ });
  Counters.open(path).rearm();
  Counters.open(path).advance(head);
  const file = join(path, "counters.json");
  const good = readFileSync(file, "utf8");
  // A counter set back by hand does not fit the digest.
  writeFileSync(file, good.replace(": 5", ": 1"));
  const damaged = Counters.open(path);
  assert.match(damaged.problem ?? "", /SHA-256/);
  assert.equal(damaged.last(head), null);
  assert.throws(() => damaged.advance({ ...head, counter: 9 }), { code: "counters-lost", message: /keys rearm/ });
  writeFileSync(file, good);
  const whole = Counters.open(path);
  whole.rearm();
  assert.equal(Counters.open(path).last(head), 5, "arming whole counters forgets nothing");
});
