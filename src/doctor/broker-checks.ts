import { lookup } from "node:dns/promises";
import net, { isIP } from "node:net";
import tls from "node:tls";
import { X509Certificate } from "node:crypto";
import type { BrokerConfig } from "../config/config.ts";
import { clientOptions } from "../mqtt/client-options.ts";
import { problemOfError, safeUrl, type ProblemKind } from "../mqtt/connect-problem.ts";
import { reasonOf } from "../shared/errors.ts";
import type { Findings } from "./finding.ts";

/** A certificate that ends sooner is worth a word, days. */
const EXPIRY_WARNING_DAYS = 30;
const DAY_MS = 86_400_000;
/** Certificates of a chain that are looked at; none is so long. */
const LONGEST_CHAIN = 10;

type Connection = Awaited<ReturnType<typeof clientOptions>>;

/**
 * The way to the broker as far as it goes without a login: name, port, certificates.
 *
 * @param nowMs Unix time, for the expiry of certificates
 * @returns whether a login is worth trying
 */
export async function checkWay(
  findings: Findings,
  broker: BrokerConfig,
  connection: Connection,
  nowMs: number,
): Promise<boolean> {
  const url = new URL(broker.url);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const secure = url.protocol === "mqtts:";
  const port = url.port === "" ? (secure ? 8883 : 1883) : Number(url.port);
  if (!(await checkName(findings, host))) return false;
  if (!(await checkPort(findings, broker, host, port))) return false;
  if (!secure) return true;
  checkClientCertificate(findings, connection, nowMs);
  return checkTls(findings, { broker, connection, host, port, nowMs });
}

async function checkName(findings: Findings, host: string): Promise<boolean> {
  if (isIP(host) !== 0) {
    findings.ok("broker-name", `${host} is an address`);
    return true;
  }
  try {
    const addresses = await lookup(host, { all: true });
    findings.ok("broker-name", `${host} is ${addresses.map(({ address }) => address).join(", ")}`);
    return true;
  } catch (error) {
    const remedy = "check broker.url and the name server (/etc/resolv.conf), or give the broker's address";
    findings.fail("broker-name", `${host} is not known: ${reasonOf(error)}`, remedy);
    return false;
  }
}

async function checkPort(findings: Findings, broker: BrokerConfig, host: string, port: number): Promise<boolean> {
  const begun = performance.now();
  const socket = net.connect({ host, port, timeout: broker.connectTimeoutMs });
  const problem = await new Promise<Error | null>((resolve) => {
    socket.once("connect", () => resolve(null));
    socket.once("error", resolve);
    socket.once("timeout", () => {
      resolve(Object.assign(new Error(`${broker.connectTimeoutMs} ms`), { code: "ETIMEDOUT" }));
    });
  });
  socket.destroy();
  if (problem === null) {
    findings.ok(
      "broker-port",
      `${safeUrl(broker.url)} accepts connections, after ${(performance.now() - begun).toFixed(0)} ms`,
    );
    return true;
  }
  const { message } = problemOfError(broker, problem);
  findings.fail("broker-port", message, "start the broker, or correct broker.url, or open the firewall");
  return false;
}

/** Our own certificate: that it has not ended is the broker's question, and its refusal says little. */
function checkClientCertificate(findings: Findings, { cert }: Connection, nowMs: number): void {
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

interface TlsTarget {
  readonly broker: BrokerConfig;
  readonly connection: Connection;
  readonly host: string;
  readonly port: number;
  readonly nowMs: number;
}

async function checkTls(findings: Findings, target: TlsTarget): Promise<boolean> {
  const { broker, connection, host, port, nowMs } = target;
  const { ca, cert, key, minVersion } = connection;
  let socket: tls.TLSSocket;
  try {
    const own = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    };
    const name = isIP(host) === 0 ? { servername: host } : {};
    // Looked at even where it does not convince, so that the reason can be told; nothing is sent over it.
    socket = tls.connect({
      host,
      port,
      ...name,
      ...own,
      minVersion,
      rejectUnauthorized: false,
      timeout: broker.connectTimeoutMs,
    } as tls.ConnectionOptions);
  } catch (error) {
    findings.fail(
      "broker-tls",
      problemOfError(broker, error).message,
      "correct broker.caFile, broker.certFile and broker.keyFile",
    );
    return false;
  }
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
      socket.once("timeout", () => reject(new Error(`no handshake within ${broker.connectTimeoutMs} ms`)));
    });
    return tellCertificates(findings, socket, host, nowMs);
  } catch (error) {
    const remedy = "check that the port speaks TLS 1.2 or newer, and broker.certFile and broker.keyFile";
    findings.fail("broker-tls", problemOfError(broker, error).message, remedy);
    return false;
  } finally {
    socket.on("error", () => undefined);
    socket.destroy();
  }
}

function tellCertificates(findings: Findings, socket: tls.TLSSocket, host: string, nowMs: number): boolean {
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

/** What to do about a login that fails, by the kind of its problem. */
export function loginRemedy(kind: ProblemKind): string {
  switch (kind) {
    case "not-authorised":
      return "correct broker.username and broker.passwordFile, or let the user in at the broker";
    case "protocol-refused":
      return "set broker.version to the other one";
    case "credential-file":
      return "create the file, readable for nominald's user";
    default:
      return "look at the broker's log";
  }
}
