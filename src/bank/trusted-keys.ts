import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseBoundedJson } from "../shared/bounded-json.ts";
import { DeviceError, InputError, reasonOf } from "../shared/errors.ts";
import { replaceFile } from "../shared/replace-file.ts";
import { arrayOf, literal, object, orNull, text } from "./shape.ts";
import type { Problem } from "./shape.ts";
import { readPublicKey } from "./signing-key.ts";
import type { PublicKey } from "./signing-key.ts";

/** What a key may sign: `config` settings and commands, `bank` memory banks and backbones. */
export type KeyRole = "config" | "bank";

export interface TrustedKey extends PublicKey {
  readonly roles: readonly KeyRole[];
  /** Free text of the person who trusted it. */
  readonly label: string;
}

/** One line of the file. A revoked key stays in it, so that it cannot be trusted again by mistake. */
export interface KeyRecord {
  readonly keyId: string;
  readonly roles: readonly KeyRole[];
  readonly label: string;
  readonly publicKey: string;
  /** ISO 8601, UTC. */
  readonly trustedAt: string;
  readonly revokedAt: string | null;
}

const FILE = "trusted-keys.json";
const MOST_KEYS = 64;
const LARGEST_FILE_BYTES = 256 * 1024;
const TIME = text(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, "a time, ISO 8601 UTC");

const fileShape = object({
  format: literal("nominald-trusted-keys"),
  keys: arrayOf(
    object({
      keyId: text(/^[0-9a-f]{16}$/, "16 hex digits"),
      roles: arrayOf(literal("config", "bank"), 1, 2),
      label: text(/^[^\x00-\x1f]{0,80}$/, "a text of at most 80 characters"),
      publicKey: text(/^-----BEGIN PUBLIC KEY-----/, "a PEM public key"),
      trustedAt: TIME,
      revokedAt: orNull(TIME),
    }),
    0,
    MOST_KEYS,
  ),
});

/** The public keys whose signatures a device accepts, in a file that only a person at the device changes. */
export class TrustedKeys {
  readonly #folder: string;
  #records: readonly KeyRecord[];

  private constructor(folder: string, records: readonly KeyRecord[]) {
    this.#folder = folder;
    this.#records = records;
  }

  /** @throws DeviceError "trusted-keys" when the file is there and cannot be used: no key is then trusted */
  static open(folder: string): TrustedKeys {
    const path = join(folder, FILE);
    try {
      const json = parseBoundedJson(readFileSync(path), { bytes: LARGEST_FILE_BYTES, depth: 5 }, path);
      const problems: Problem[] = [];
      if (!fileShape(json, "", problems)) {
        const [first] = problems;
        throw new InputError("trusted-keys", `${first?.path}: ${first?.expected}, not ${first?.actual}`);
      }
      for (const record of json.keys) checkRecord(record);
      return new TrustedKeys(folder, json.keys);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return new TrustedKeys(folder, []);
      throw new DeviceError(
        "trusted-keys",
        `Expected the trusted keys in ${path} but it cannot be used: ${reasonOf(cause)}`,
        { cause },
      );
    }
  }

  /** All of them, revoked ones too, in the order in which they were trusted. */
  records(): readonly KeyRecord[] {
    return this.#records;
  }

  /** @returns the ids of the keys that are trusted and not revoked */
  trusted(): readonly string[] {
    return this.#records.filter(({ revokedAt }) => revokedAt === null).map(({ keyId }) => keyId);
  }

  /** @returns the key when it is trusted and not revoked */
  find(keyId: string): TrustedKey | undefined {
    const record = this.#records.find((one) => one.keyId === keyId && one.revokedAt === null);
    return record === undefined ? undefined : { ...readPublicKey(record.publicKey, FILE), ...rolesAndLabel(record) };
  }

  /** @throws InputError "key-known", "key-revoked", "too-many-keys", "signing-key" */
  trust(pem: string, roles: readonly KeyRole[], label: string, source: string, now: Date): KeyRecord {
    const { keyId, publicKey } = readPublicKey(pem, source);
    const known = this.#records.find((one) => one.keyId === keyId);
    if (known !== undefined) {
      const how = known.revokedAt === null ? "trusted already" : `revoked at ${known.revokedAt}`;
      const code = known.revokedAt === null ? "key-known" : "key-revoked";
      throw new InputError(code, `Expected a key that is new to this device but key ${keyId} is ${how}`);
    }
    if (this.#records.length >= MOST_KEYS) {
      throw new InputError("too-many-keys", `Expected at most ${MOST_KEYS} keys but this would be one more`);
    }
    const record: KeyRecord = {
      keyId,
      roles: [...new Set(roles)],
      label,
      publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
      trustedAt: now.toISOString(),
      revokedAt: null,
    };
    this.#write([...this.#records, record]);
    return record;
  }

  /** @throws InputError "key-unknown" */
  revoke(keyId: string, now: Date): KeyRecord {
    const record = this.#records.find((one) => one.keyId === keyId);
    if (record === undefined) {
      throw new InputError("key-unknown", `Expected the id of a trusted key but received ${keyId}`);
    }
    const revoked = { ...record, revokedAt: record.revokedAt ?? now.toISOString() };
    this.#write(this.#records.map((one) => (one === record ? revoked : one)));
    return revoked;
  }

  #write(records: readonly KeyRecord[]): void {
    const content = `${JSON.stringify({ format: "nominald-trusted-keys", keys: records }, null, 2)}\n`;
    replaceFile(this.#folder, FILE, content);
    this.#records = records;
  }
}

function rolesAndLabel({ roles, label }: KeyRecord): Pick<TrustedKey, "roles" | "label"> {
  return { roles, label };
}

/** A key under another's id would be trusted under a name that nobody gave it. */
function checkRecord(record: KeyRecord): void {
  const { keyId } = readPublicKey(record.publicKey, FILE);
  if (keyId !== record.keyId) {
    throw new InputError("trusted-keys", `Expected key ${record.keyId} but its public key is that of ${keyId}`);
  }
}
