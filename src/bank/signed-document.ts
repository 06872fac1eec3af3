import { parseBoundedJson } from "../shared/bounded-json.ts";
import { InputError } from "../shared/errors.ts";
import { openEnvelope, sealEnvelope, UNSIGNED } from "./envelope.ts";
import { integer, literal, object, text } from "./shape.ts";
import type { Problem, Shape } from "./shape.ts";
import type { SigningKey } from "./signing-key.ts";
import type { KeyRole, TrustedKeys } from "./trusted-keys.ts";

export type DocumentType = "config" | "bank-offer" | "command";

/** What a signed document says of itself, inside the signature. */
export interface DocumentHead {
  readonly type: DocumentType;
  readonly role: KeyRole;
  /** `<site>/<line>/<station>`, or `<site>/_device/<device>`. */
  readonly target: string;
  /** Grows with every document of this key for this target. */
  readonly counter: number;
  readonly keyId: string;
}

export interface SignedDocument extends DocumentHead {
  /** Not checked yet: its reader does. */
  readonly body: unknown;
}

export const LARGEST_COUNTER = Number.MAX_SAFE_INTEGER;
const TARGET = /^[a-z0-9_-]{1,32}\/[a-z0-9_-]{1,32}\/[a-z0-9_-]{1,32}$/;
/** A desired configuration is at most 8 KiB; as base64 in an envelope 12 KiB are ample. */
const ENVELOPE_BYTES = 12 * 1024;
const PAYLOAD_BYTES = 8 * 1024;
const PAYLOAD_DEPTH = 16;

/** What a device takes as one signed document, bytes of the payload at most. */
export const LARGEST_DOCUMENT_BYTES = PAYLOAD_BYTES;

const ROLE_OF: Readonly<Record<DocumentType, KeyRole>> = { config: "config", "bank-offer": "bank", command: "config" };

const anything: Shape<unknown> = (value, path, problems): value is unknown => {
  if (value === undefined) problems.push({ path, expected: "a body", actual: "nothing" });
  return value !== undefined;
};

const documentShape = object({
  type: literal("config", "bank-offer", "command"),
  role: literal("config", "bank"),
  target: text(TARGET, "<site>/<line>/<station> or <site>/_device/<device>"),
  counter: integer(1, LARGEST_COUNTER),
  keyId: text(/^[0-9a-f]{16}$/, "16 hex digits"),
  body: anything,
});

export function payloadTypeOf(type: DocumentType): string {
  return `application/vnd.nominald.${type}.v1+json`;
}

export function roleOf(type: DocumentType): KeyRole {
  return ROLE_OF[type];
}

/**
 * @param key null: nobody signs
 * @returns the envelope as it goes over the wire
 */
export function signDocument(document: Omit<SignedDocument, "keyId" | "role">, key: SigningKey | null): Buffer {
  const { type, target, counter, body } = document;
  const payload = { type, role: roleOf(type), target, counter, keyId: key?.keyId ?? UNSIGNED, body };
  return sealEnvelope(payloadTypeOf(type), Buffer.from(JSON.stringify(payload)), key);
}

/**
 * Opens a signed document that was sent to `target`: signature, form, type, role, target and key are checked. The
 * counter is not: who applies the document asks the counters, when nothing else can go wrong any more.
 *
 * @param allowUnsigned also a document that nobody signed, with key id `UNSIGNED`: whoever may publish may then push
 * @throws InputError "json-…", "envelope-…", "unsigned", "key-untrusted", "key-role", "bad-signature", "document-form",
 *   "document-type", "document-role", "document-target", "document-key"
 */
export function openDocument(
  bytes: Uint8Array,
  expected: { readonly type: DocumentType; readonly target: string },
  keys: Pick<TrustedKeys, "find">,
  allowUnsigned = false,
): SignedDocument {
  const payloadType = payloadTypeOf(expected.type);
  const limits = { bytes: ENVELOPE_BYTES, allowUnsigned };
  const { payload, keyId } = openEnvelope(bytes, payloadType, (id) => keys.find(id), limits);
  const json = parseBoundedJson(payload, { bytes: PAYLOAD_BYTES, depth: PAYLOAD_DEPTH }, "the signed document");
  const problems: Problem[] = [];
  if (!documentShape(json, "", problems)) {
    const list = problems.map((one) => `${one.path || "it"}: ${one.expected}, not ${one.actual}`).join("; ");
    throw new InputError("document-form", `Expected a signed document but received another one: ${list}`);
  }
  const role = roleOf(expected.type);
  refuseUnless("type", expected.type, json.type);
  refuseUnless("role", role, json.role);
  refuseUnless("target", expected.target, json.target);
  refuseUnless("key", keyId, json.keyId);
  const key = keys.find(keyId);
  if (keyId === UNSIGNED) return json;
  if (key === undefined || !key.roles.includes(role)) {
    throw new InputError(
      "key-role",
      `Expected a key with role ${role} but key ${keyId} has ${key?.roles.join(" and ") ?? "none"}`,
    );
  }
  return json;
}

function refuseUnless(what: "type" | "role" | "target" | "key", expected: string, actual: string): void {
  if (expected === actual) return;
  throw new InputError(
    `document-${what}`,
    `Expected a signed document with ${what} ${expected} but received one with ${what} ${actual}`,
  );
}
