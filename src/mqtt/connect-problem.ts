import type { BrokerConfig } from "../config/config.ts";
import { NominalError, reasonOf } from "../shared/errors.ts";

/** Why there is no connection: stable words for `state`, the log and the doctor. */
export type ProblemKind =
  | "connect-refused"
  | "unreachable"
  | "connect-timeout"
  | "not-authorised"
  | "client-id-refused"
  | "protocol-refused"
  | "broker-unavailable"
  | "tls"
  | "credential-file"
  | "taken-over"
  | "connection-lost"
  | "broker-silent"
  | "credentials-renewed"
  | "reconfigured";

export interface ConnectProblem {
  readonly kind: ProblemKind;
  /** What was expected, of which broker, what came, and what to check. */
  readonly message: string;
}

/** A file with a certificate, key or password that cannot be read; thrown by `clientOptions`. */
export const CREDENTIAL_FILE_CODE = "broker-credential-file";

const SYSTEM_CODES: Readonly<Record<string, ProblemKind>> = {
  ECONNREFUSED: "connect-refused",
  ENOTFOUND: "unreachable",
  EAI_AGAIN: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  ETIMEDOUT: "connect-timeout",
  ECONNRESET: "connection-lost",
  EPIPE: "connection-lost",
};

/** CONNACK codes of MQTT 3.1.1 (1 to 5) and reason codes of CONNACK and DISCONNECT in MQTT 5 (128 and above). */
const BROKER_CODES: Readonly<Record<number, ProblemKind>> = {
  1: "protocol-refused",
  2: "client-id-refused",
  3: "broker-unavailable",
  4: "not-authorised",
  5: "not-authorised",
  0x84: "protocol-refused",
  0x85: "client-id-refused",
  0x86: "not-authorised",
  0x87: "not-authorised",
  0x88: "broker-unavailable",
  0x89: "broker-unavailable",
  0x8a: "not-authorised",
  0x8b: "broker-unavailable",
  0x8c: "not-authorised",
  0x8e: "taken-over",
  0x97: "broker-unavailable",
  0x9f: "broker-unavailable",
};

/** OpenSSL's and Node's codes of a certificate that does not convince, or of a handshake that fails. */
const TLS_CODE = /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO$|HOSTNAME_MISMATCH$)/;

const EXPLANATION: Readonly<Record<ProblemKind, string>> = {
  "connect-refused": "nothing accepts connections there; check that the broker runs and the port is right",
  unreachable: "the host cannot be found or reached; check the name, the network and the route",
  "connect-timeout": "no answer came in time; check the address and the firewalls between",
  "not-authorised": "the broker refused the login; check broker.username, broker.passwordFile and the broker's rules",
  "client-id-refused": "the broker refused the client id; check the broker's rules for client ids",
  "protocol-refused": "the broker does not speak this MQTT version; set broker.version to the other one",
  "broker-unavailable": "the broker says that it cannot serve now; check its load and its limits",
  tls: "the TLS handshake failed; check broker.caFile, broker.certFile, broker.keyFile and the device's clock",
  "credential-file": "a credential file could not be read; check its path and permissions",
  "taken-over": "another client with the same id took the session over; check for a second device of the same name",
  "connection-lost": "the connection ended",
  "broker-silent": "the broker stopped acknowledging; the connection is made anew",
  reconfigured: "the configuration of the broker has changed; the connection is made anew with it",
  "credentials-renewed": "a credential file was renewed; the connection is made anew with it",
};

/** @returns the problem in words, naming the broker (never a secret) and the cause as it was reported */
export function connectProblem(broker: BrokerConfig, kind: ProblemKind, cause: string): ConnectProblem {
  const message = `Expected a connection to the broker at ${safeUrl(broker.url)} but ${EXPLANATION[kind]} (${cause})`;
  return { kind, message };
}

/** @returns the problem behind whatever mqtt.js, Node or `clientOptions` reported */
export function problemOfError(broker: BrokerConfig, error: unknown): ConnectProblem {
  return connectProblem(broker, kindOfError(error), reasonOf(error) || codeOfError(error)?.toString() || "no cause");
}

/** @returns the problem behind the reason code of a broker's DISCONNECT (MQTT 5) */
export function problemOfReasonCode(broker: BrokerConfig, code: number): ConnectProblem {
  return connectProblem(broker, BROKER_CODES[code] ?? "connection-lost", `reason code ${code}`);
}

/** The URL without user and password, should someone have written them into it. */
export function safeUrl(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}

function kindOfError(error: unknown): ProblemKind {
  if (error instanceof NominalError && error.code === CREDENTIAL_FILE_CODE) return "credential-file";
  const code = codeOfError(error);
  if (typeof code === "number") return BROKER_CODES[code] ?? "connection-lost";
  if (typeof code === "string") {
    if (TLS_CODE.test(code)) return "tls";
    return SYSTEM_CODES[code] ?? "connection-lost";
  }
  const text = reasonOf(error);
  // mqtt.js has no codes for these.
  if (text === "connack timeout") return "connect-timeout";
  if (text === "TLS not authorized") return "tls";
  return "connection-lost";
}

function codeOfError(error: unknown): string | number | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" || typeof error.code === "number" ? error.code : undefined;
}
