import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SecureVersion } from "node:tls";
import type { IClientOptions } from "mqtt";
import type { BrokerConfig } from "../config/config.ts";
import { DeviceError, reasonOf } from "../shared/errors.ts";
import { CREDENTIAL_FILE_CODE } from "./connect-problem.ts";

/** Older ones are broken; what a broker offers above it is used. */
const OLDEST_TLS: SecureVersion = "TLSv1.2";

/** s; the broker fires the will after one and a half of it without a sign of life. */
const KEEPALIVE_S = 15;

export interface Will {
  readonly topic: string;
  readonly payload: string;
}

/**
 * The options of one connection. Certificates, key and password are read now, at each connect, so that a renewed
 * file is used without a restart.
 *
 * mqtt.js itself neither reconnects, nor resubscribes, nor queues (its backlog would go out before the first fresh
 * message): all of that is done outside, with bounds.
 *
 * @throws DeviceError "broker-credential-file" when one of the files cannot be read
 */
export async function clientOptions(
  broker: BrokerConfig,
  clientId: string,
  will: Will | null,
  credentialsFolder: string | null,
): Promise<IClientOptions & { readonly minVersion: SecureVersion }> {
  const read = (name: CredentialName): Promise<Buffer | undefined> => credential(name, broker[name], credentialsFolder);
  const [ca, cert, key, password] = await Promise.all([
    ...[read("caFile"), read("certFile"), read("keyFile"), read("passwordFile")],
  ]);
  return {
    clientId,
    protocolVersion: broker.version === "5" ? 5 : 4,
    clean: true,
    keepalive: KEEPALIVE_S,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    connectTimeout: broker.connectTimeoutMs,
    ...(will === null
      ? {}
      : { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1 as const, retain: true } }),
    ...(broker.username === null ? {} : { username: broker.username }),
    // Editors end a file with a newline, which no password means.
    ...(password === undefined ? {} : { password: password.toString("utf8").replace(/\r?\n$/, "") }),
    minVersion: OLDEST_TLS,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** Keys of the broker's configuration that name a file with a credential. */
export const CREDENTIAL_NAMES = ["caFile", "certFile", "keyFile", "passwordFile"] as const;
export type CredentialName = (typeof CREDENTIAL_NAMES)[number];

const SYSTEMD = "credential:";

/**
 * @param path a file, or `credential:NAME` for a credential that systemd gives the service (LoadCredential=NAME:…)
 * @param folder systemd's $CREDENTIALS_DIRECTORY; null without one
 * @throws DeviceError "broker-credential-file" for a credential without a folder
 */
export function credentialPath(name: CredentialName, path: string, folder: string | null): string {
  if (!path.startsWith(SYSTEMD)) return path;
  if (folder !== null) return join(folder, path.slice(SYSTEMD.length));
  throw new DeviceError(
    CREDENTIAL_FILE_CODE,
    `Expected systemd's $CREDENTIALS_DIRECTORY for broker.${name}, ${path}, but it is not set`,
  );
}

async function credential(
  name: CredentialName,
  path: string | null,
  folder: string | null,
): Promise<Buffer | undefined> {
  if (path === null) return undefined;
  const file = credentialPath(name, path, folder);
  try {
    return await readFile(file);
  } catch (cause) {
    const message = `Expected a readable file for broker.${name} but received ${file}: ${reasonOf(cause)}`;
    throw new DeviceError(CREDENTIAL_FILE_CODE, message, { cause });
  }
}
