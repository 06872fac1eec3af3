import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import fc from "fast-check";
import { openEnvelope, preAuthenticationEncoding, sealEnvelope } from "../../src/bank/envelope.ts";
import { openDocument, payloadTypeOf, signDocument } from "../../src/bank/signed-document.ts";
import { generateSigningKey, readPublicKey, readSigningKey } from "../../src/bank/signing-key.ts";
import type { SigningKey } from "../../src/bank/signing-key.ts";
import { TrustedKeys } from "../../src/bank/trusted-keys.ts";

const TARGET = "plant/line1/st1";
const NOW = new Date("2026-01-02T03:04:05Z");
const expected = { type: "config", target: TARGET } as const;

function trusted(t: TestContext, ...roles: ("config" | "bank")[]): { key: SigningKey; keys: TrustedKeys } {
  const folder = mkdtempSync(join(tmpdir(), "nominald-keys-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const { privatePem, publicPem } = generateSigningKey();
  const keys = TrustedKeys.open(folder);
  keys.trust(publicPem, roles, "", "a test", NOW);
  return { key: readSigningKey(privatePem, "a test"), keys };
}

test("the bytes that are signed are those of the specification's example", () => {
  // https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
  assert.equal(
    preAuthenticationEncoding("http://example.com/HelloWorld", Buffer.from("hello world")).toString(),
    "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
  );
});

test("a document that was signed for this target by a trusted key is opened", (t) => {
  const { key, keys } = trusted(t, "config");
  const envelope = signDocument({ type: "config", target: TARGET, counter: 3, body: { threshold: 2 } }, key);
  assert.deepEqual(openDocument(envelope, expected, keys), {
    type: "config",
    role: "config",
    target: TARGET,
    counter: 3,
    keyId: key.keyId,
    body: { threshold: 2 },
  });
});

test("a valid document for another target or of another type is refused", (t) => {
  const { key, keys } = trusted(t, "config", "bank");
  const elsewhere = signDocument({ type: "config", target: "plant/line1/st2", counter: 1, body: {} }, key);
  assert.throws(() => openDocument(elsewhere, expected, keys), { code: "document-target", message: /st1 .*st2/ });
  const offer = signDocument({ type: "bank-offer", target: TARGET, counter: 1, body: {} }, key);
  assert.throws(() => openDocument(offer, expected, keys), { code: "envelope-type" });
  // Signed as one type, speaking of another inside: only a faulty signer makes it.
  const payload = Buffer.from(
    JSON.stringify({ type: "command", role: "config", target: TARGET, counter: 1, keyId: key.keyId, body: {} }),
  );
  const mixed = sealEnvelope(payloadTypeOf("config"), payload, key);
  assert.throws(() => openDocument(mixed, expected, keys), { code: "document-type" });
});

test("a key signs only what its role allows", (t) => {
  const { key, keys } = trusted(t, "bank");
  const config = signDocument({ type: "config", target: TARGET, counter: 1, body: {} }, key);
  assert.throws(() => openDocument(config, expected, keys), {
    code: "key-role",
    message: /role config but key .* has bank/,
  });
  const offer = signDocument({ type: "bank-offer", target: TARGET, counter: 1, body: {} }, key);
  assert.equal(openDocument(offer, { type: "bank-offer", target: TARGET }, keys).role, "bank");
});

test("a key that is not trusted, or revoked, signs nothing", (t) => {
  const { key, keys } = trusted(t, "config");
  const stranger = readSigningKey(generateSigningKey().privatePem, "a test");
  const document = { type: "config", target: TARGET, counter: 1, body: {} } as const;
  assert.throws(() => openDocument(signDocument(document, stranger), expected, keys), { code: "key-untrusted" });
  keys.revoke(key.keyId, NOW);
  assert.throws(() => openDocument(signDocument(document, key), expected, keys), { code: "key-untrusted" });
});

test("a stranger's signature under a trusted key's id is refused", (t) => {
  const { key, keys } = trusted(t, "config");
  const stranger = readSigningKey(generateSigningKey().privatePem, "a test");
  const forged = { ...stranger, keyId: key.keyId };
  const envelope = signDocument({ type: "config", target: TARGET, counter: 1, body: {} }, forged);
  assert.throws(() => openDocument(envelope, expected, keys), { code: "bad-signature" });
});

test("no single byte of an envelope can be changed", (t) => {
  const { key, keys } = trusted(t, "config");
  const envelope = signDocument({ type: "config", target: TARGET, counter: 1, body: { a: "b" } }, key);
  fc.assert(
    fc.property(fc.nat(envelope.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(envelope);
      changed[at] = changed[at]! ^ flip;
      assert.throws(() => openDocument(changed, expected, keys), { faultClass: "input" });
    }),
    { numRuns: 2_000 },
  );
  for (let length = 0; length < envelope.length; length++) {
    assert.throws(() => openDocument(envelope.subarray(0, length), expected, keys), { faultClass: "input" });
  }
});

test("documents that are too large, too deep or of another form are refused with what was expected", (t) => {
  const { key, keys } = trusted(t, "config");
  const large = signDocument({ type: "config", target: TARGET, counter: 1, body: "x".repeat(13_000) }, key);
  assert.throws(() => openDocument(large, expected, keys), { code: "json-too-large" });
  const middling = signDocument({ type: "config", target: TARGET, counter: 1, body: "x".repeat(8_200) }, key);
  assert.throws(() => openDocument(middling, expected, keys), { code: "json-too-large", message: /8192 bytes/ });
  const deep = signDocument(
    { type: "config", target: TARGET, counter: 1, body: JSON.parse("[".repeat(20) + "]".repeat(20)) },
    key,
  );
  assert.throws(() => openDocument(deep, expected, keys), { code: "json-too-deep" });
  const seal = (payload: unknown): Buffer =>
    sealEnvelope(payloadTypeOf("config"), Buffer.from(JSON.stringify(payload)), key);
  assert.throws(() => openDocument(seal({ counter: 0 }), expected, keys), {
    code: "document-form",
    message: /counter: an integer from 1/,
  });
  assert.throws(() => openDocument(Buffer.from('{"payload":"","x":1}'), expected, keys), { code: "envelope-form" });
});

test("a second signature is refused: nothing says which of two would count", (t) => {
  const { key, keys } = trusted(t, "config");
  const envelope = JSON.parse(
    signDocument({ type: "config", target: TARGET, counter: 1, body: {} }, key).toString(),
  ) as { signatures: unknown[] };
  envelope.signatures.push(envelope.signatures[0]);
  const two = Buffer.from(JSON.stringify(envelope));
  assert.throws(() => openEnvelope(two, payloadTypeOf("config"), (id) => keys.find(id), { bytes: 12_000 }), {
    code: "envelope-form",
  });
});

test("keys of another algorithm, and a private key in a public key's place, are refused", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const pem = rsa.publicKey.export({ type: "spki", format: "pem" }).toString();
  assert.throws(() => readPublicKey(pem, "a.pub"), { code: "signing-key", message: /Ed25519 .* type rsa/ });
  assert.throws(() => readPublicKey(generateSigningKey().privatePem, "a.pub"), { message: /found a private one/ });
  assert.throws(() => readSigningKey("nonsense", "a.key"), { code: "signing-key" });
});
