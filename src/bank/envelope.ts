import { sign, verify } from "node:crypto";
import { parseBoundedJson } from "../shared/bounded-json.ts";
import { InputError } from "../shared/errors.ts";
import { arrayOf, object, text } from "./shape.ts";
import type { Problem, Shape } from "./shape.ts";
import type { PublicKey, SigningKey } from "./signing-key.ts";

/**
 * Dead Simple Signing Envelope (DSSE 1.0.2, https://github.com/secure-systems-lab/dsse): Ed25519 over
 * PAE(payloadType, payload), so that bytes signed as one type can never be read as another.
 */
export interface OpenedEnvelope {
  readonly payloadType: string;
  /** The very bytes that were signed. */
  readonly payload: Uint8Array;
  readonly keyId: string;
}

export interface EnvelopeLimits {
  /** Of the whole envelope. Base64 makes a payload a third larger. */
  readonly bytes: number;
  /** An envelope without a signature is taken too, with key id `UNSIGNED`. Absent: it is not. */
  readonly allowUnsigned?: boolean;
}

/** Stands for a key's id where nobody has signed. */
export const UNSIGNED = "0000000000000000";

/** An envelope is flat: object, array of signatures, signature. */
const ENVELOPE_DEPTH = 3;

/** Canonical base64: no two texts for the same bytes. */
const base64: Shape<string> = (value, path, problems): value is string => {
  const good = typeof value === "string" && Buffer.from(value, "base64").toString("base64") === value;
  if (!good)
    problems.push({
      path,
      expected: "canonical base64",
      actual: typeof value === "string" ? "other text" : typeof value,
    });
  return good;
};

const envelope = object({
  payloadType: text(/^[\x21-\x7e]{1,100}$/, "a media type"),
  payload: base64,
  signatures: arrayOf(object({ keyid: text(/^[0-9a-f]{16}$/, "16 hex digits"), sig: base64 }), 0, 1),
});

/**
 * @param key null: nobody signs; only a device that allows that takes it
 * @returns the envelope as JSON, UTF-8
 */
export function sealEnvelope(payloadType: string, payload: Uint8Array, key: SigningKey | null): Buffer {
  const encoded = preAuthenticationEncoding(payloadType, payload);
  const signatures =
    key === null ? [] : [{ keyid: key.keyId, sig: sign(null, encoded, key.privateKey).toString("base64") }];
  return Buffer.from(JSON.stringify({ payloadType, payload: Buffer.from(payload).toString("base64"), signatures }));
}

/**
 * Checks size, form, type and signature, in this order. The payload is not parsed here.
 *
 * @param keyOf the trusted public key of an id; undefined: not trusted
 * @throws InputError "json-…", "envelope-form", "envelope-type", "unsigned", "key-untrusted", "bad-signature"
 */
export function openEnvelope(
  bytes: Uint8Array,
  payloadType: string,
  keyOf: (keyId: string) => PublicKey | undefined,
  limits: EnvelopeLimits,
): OpenedEnvelope {
  const json = parseBoundedJson(bytes, { bytes: limits.bytes, depth: ENVELOPE_DEPTH }, "the envelope");
  const problems: Problem[] = [];
  if (!envelope(json, "", problems)) {
    const list = problems.map(({ path, expected, actual }) => `${path || "it"}: ${expected}, not ${actual}`).join("; ");
    throw new InputError("envelope-form", `Expected a DSSE envelope but received another document: ${list}`);
  }
  if (json.payloadType !== payloadType) {
    throw new InputError(
      "envelope-type",
      `Expected an envelope of type ${payloadType} but received one of type ${json.payloadType}`,
    );
  }
  const payload = Buffer.from(json.payload, "base64");
  const [signature] = json.signatures;
  if (signature === undefined && limits.allowUnsigned === true) return { payloadType, payload, keyId: UNSIGNED };
  if (signature === undefined) {
    throw new InputError("unsigned", "Expected a signature by a trusted key but received a document without one");
  }
  const keyId = signature.keyid;
  const key = keyOf(keyId);
  if (key === undefined) {
    throw new InputError("key-untrusted", `Expected a signature by a trusted key but received one by key ${keyId}`);
  }
  const sig = Buffer.from(signature.sig, "base64");
  if (!verify(null, preAuthenticationEncoding(payloadType, payload), key.publicKey, sig)) {
    throw new InputError(
      "bad-signature",
      `Expected a signature of key ${keyId} that fits the document but it does not`,
    );
  }
  return { payloadType, payload, keyId };
}

/** PAE: "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload; lengths in bytes, decimal. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}
