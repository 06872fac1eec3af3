import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import tls from "node:tls";
import type { BrokerConfig } from "../config/config.ts";
import type { clientOptions } from "../mqtt/client-options.ts";
import { problemOfError } from "../mqtt/connect-problem.ts";
import { reasonOf } from "../shared/errors.ts";
import type { Findings } from "./finding.ts";

/** A certificate that ends sooner is worth a word, days. */
const EXPIRY_WARNING_DAYS = 30;
const DAY_MS = 86_400_000;
/** Certificates of a chain that are looked at; none is so long. */
const LONGEST_CHAIN = 10;

type Connection = Awaited<ReturnType<typeof clientOptions>>;

/** Our own certificate: that it has not ended is the broker's question, and its refusal says little. */
export function checkClientCertificate(findings: Findings, { cert }: Connection, nowMs: number): void {
  if (cert === undefined) return;
  try {
    tellExpiry(
      findings,
      "broker-client-certificate",
      "this device's certificate",
      new X509Certificate(String(cert)),
      nowMs,
    );
  } catch (error) {
    const remedy = "put a PEM certificate into broker.certFile";
    findings.fail("broker-client-certificate", `broker.certFile holds no certificate: ${reasonOf(error)}`, remedy);
  }
}

export interface TlsTarget {
  readonly broker: BrokerConfig;
  readonly connection: Connection;
  readonly host: string;
  readonly port: number;
  readonly nowMs: number;
}

/**
 * Shakes hands as the station does and looks at what the broker shows.
 *
 * @returns whether the station would go on
 */
export async function checkTls(findings: Findings, target: TlsTarget): Promise<boolean> {
  const { broker } = target;
  let socket: tls.TLSSocket;
  try {
    socket = open(target);
  } catch (error) {
    const remedy = "correct the content of broker.caFile, broker.certFile and broker.keyFile";
    findings.fail("broker-tls", problemOfError(broker, error).message, remedy);
    return false;
  }
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("timeout", () => reject(new Error(`no handshake within ${broker.connectTimeoutMs} ms`)));
    });
    return tellCertificates(findings, socket, target);
  } catch (error) {
    const remedy = "check that the port speaks TLS 1.2 or newer, and broker.certFile and broker.keyFile";
    findings.fail("broker-tls", problemOfError(broker, error).message, remedy);
    return false;
  } finally {
    socket.on("error", () => undefined);
    socket.destroy();
  }
}

/** @throws Error of Node or OpenSSL when a file holds no certificate or key */
function open({ broker, connection, host, port }: TlsTarget): tls.TLSSocket {
  const { ca, cert, key, minVersion } = connection;
  const own: tls.ConnectionOptions = { host, port, minVersion, timeout: broker.connectTimeoutMs };
  if (ca !== undefined) own.ca = ca;
  if (cert !== undefined) own.cert = cert;
  if (key !== undefined) own.key = key;
  if (isIP(host) === 0) own.servername = host;
  // A certificate that does not convince is looked at too, so that the reason can be told; nothing is sent over it.
  return tls.connect({ ...own, rejectUnauthorized: false });
}

function tellCertificates(findings: Findings, socket: tls.TLSSocket, { host, nowMs }: TlsTarget): boolean {
  const chain = chainOf(socket);
  const first = chain[0];
  if (first === undefined) {
    findings.fail("broker-tls", "the broker shows no certificate", "give the broker a certificate");
    return false;
  }
  const soonest = chain.reduce((a, b) => (Date.parse(b.validTo) < Date.parse(a.validTo) ? b : a));
  tellExpiry(findings, "broker-certificate", `the certificate of ${nameOf(soonest)}`, soonest, nowMs);
  const shown = chain.map(nameOf).join(" ← ");
  if (socket.authorized) {
    findings.ok("broker-tls", `${socket.getProtocol() ?? "TLS"}, ${shown}, trusted for ${host}`);
    return true;
  }
  const code = String(socket.authorizationError);
  const remedy = /EXPIRED|NOT_YET_VALID/.test(code)
    ? "renew the certificate; if it is valid, set this device's clock"
    : /ALTNAME|HOSTNAME/.test(code)
      ? "use in broker.url a name that the certificate has, or make one for this name"
      : "set broker.caFile to the certificate of the authority that signed the broker's";
  findings.fail("broker-tls", `${shown} is not trusted for ${host}: ${code}`, remedy);
  return false;
}

function chainOf(socket: tls.TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (
    let one = socket.getPeerX509Certificate();
    one !== undefined && chain.length < LONGEST_CHAIN;
    one = one.issuerCertificate
  ) {
    chain.push(one);
  }
  return chain;
}

function nameOf({ subject }: X509Certificate): string {
  return subject.replaceAll("\n", ", ");
}

function tellExpiry(findings: Findings, check: string, whose: string, one: X509Certificate, nowMs: number): void {
  const days = Math.floor((Date.parse(one.validTo) - nowMs) / DAY_MS);
  const found = `${whose} is valid until ${new Date(one.validTo).toISOString()}`;
  if (days < 0) findings.fail(check, `${found}: it has ended`, "renew it; if it is valid, set this device's clock");
  else if (days < EXPIRY_WARNING_DAYS) findings.warn(check, `${found}: ${days} days`, "renew it");
  else findings.ok(check, found);
}
