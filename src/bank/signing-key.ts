import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { InputError, reasonOf } from "../shared/errors.ts";

/** Raw Ed25519 public keys are 32 bytes behind a fixed DER head (RFC 8410). */
const RAW_BYTES = 32;
const KEY_ID_DIGITS = 16;

/** A key that signs; its private half never leaves the file of its holder. */
export interface SigningKey {
  readonly keyId: string;
  readonly privateKey: KeyObject;
}

export interface PublicKey {
  readonly keyId: string;
  readonly publicKey: KeyObject;
}

/** @returns both halves as PEM (PKCS #8 and SPKI) */
export function generateSigningKey(): { keyId: string; privatePem: string; publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    keyId: keyIdOf(publicKey),
    privatePem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

/** @returns the first 16 hex digits of the SHA-256 of the raw public key: who reads it out over the phone is sure */
export function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(der.subarray(-RAW_BYTES)).digest("hex").slice(0, KEY_ID_DIGITS);
}

/** @throws InputError "signing-key" */
export function readSigningKey(pem: string, source: string): SigningKey {
  const privateKey = readKey(() => createPrivateKey(pem), "private", source);
  return { keyId: keyIdOf(createPublicKey(privateKey)), privateKey };
}

/** @throws InputError "signing-key"; also for a private key, which has no business where public ones are read */
export function readPublicKey(pem: string, source: string): PublicKey {
  if (pem.includes("PRIVATE KEY")) {
    throw new InputError("signing-key", `Expected an Ed25519 public key (PEM) in ${source} but found a private one`);
  }
  const publicKey = readKey(() => createPublicKey(pem), "public", source);
  return { keyId: keyIdOf(publicKey), publicKey };
}

function readKey(read: () => KeyObject, half: "private" | "public", source: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    throw new InputError(
      "signing-key",
      `Expected an Ed25519 ${half} key (PEM) in ${source} but received: ${reasonOf(cause)}`,
      { cause },
    );
  }
  if (key.asymmetricKeyType !== "ed25519") {
    throw new InputError(
      "signing-key",
      `Expected an Ed25519 ${half} key (PEM) in ${source} but received one of type ${key.asymmetricKeyType ?? "unknown"}`,
    );
  }
  return key;
}
