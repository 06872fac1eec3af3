import { readFile } from "node:fs/promises";
import type { IClientOptions } from "mqtt";
import type { BrokerConfig } from "../config/config.ts";
import { DeviceError, reasonOf } from "../shared/errors.ts";
import { CREDENTIAL_FILE_CODE } from "./connect-problem.ts";

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
export async function clientOptions(broker: BrokerConfig, clientId: string, will: Will): Promise<IClientOptions> {
  const [ca, cert, key, password] = await Promise.all([
    credential("caFile", broker.caFile),
    credential("certFile", broker.certFile),
    credential("keyFile", broker.keyFile),
    credential("passwordFile", broker.passwordFile),
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
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true },
    ...(broker.username === null ? {} : { username: broker.username }),
    // Editors end a file with a newline, which no password means.
    ...(password === undefined ? {} : { password: password.toString("utf8").replace(/\r?\n$/, "") }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

async function credential(name: string, path: string | null): Promise<Buffer | undefined> {
  if (path === null) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    const message = `Expected a readable file for broker.${name} but received ${path}: ${reasonOf(cause)}`;
    throw new DeviceError(CREDENTIAL_FILE_CODE, message, { cause });
  }
}
