import { lookup } from "node:dns/promises";
import net, { isIP } from "node:net";
import type { BrokerConfig } from "../config/config.ts";
import type { clientOptions } from "../mqtt/client-options.ts";
import { problemOfError, safeUrl, type ProblemKind } from "../mqtt/connect-problem.ts";
import { reasonOf } from "../shared/errors.ts";
import type { Findings } from "./finding.ts";
import { checkClientCertificate, checkTls } from "./tls-checks.ts";

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
