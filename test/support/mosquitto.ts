import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { chmod, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Waits for the broker to listen, and for it to end, ms. */
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 5_000;

export interface MosquittoOptions {
  /** Logins are required; anonymous clients are refused. */
  readonly users?: Readonly<Record<string, string>>;
  /** A TLS listener; `clientCertificates`: only clients with a certificate of the same authority get in. */
  readonly tls?: { readonly certificates: TestCertificates; readonly clientCertificates: boolean };
  /** More lines of mosquitto.conf. */
  readonly config?: readonly string[];
  /** The same, of its listener. */
  readonly listener?: readonly string[];
}

/** Paths of PEM files, made by `makeCertificates`. */
export interface TestCertificates {
  readonly caFile: string;
  readonly serverCertFile: string;
  readonly serverKeyFile: string;
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
}

/** A real mosquitto on a loopback port of its own. It keeps nothing: after a restart its retained messages are gone. */
export class Mosquitto {
  readonly port: number;
  readonly url: string;
  readonly #folder: string;
  #child: ChildProcess | null = null;
  #log = "";

  constructor(port: number, folder: string, tls: boolean) {
    this.port = port;
    this.#folder = folder;
    this.url = `${tls ? "mqtts://localhost" : "mqtt://127.0.0.1"}:${port}`;
  }

  /** What the broker wrote, for messages of failed tests. */
  get log(): string {
    return this.#log;
  }

  /** Starts the broker, again on the same port after a `stop` or `kill`. */
  async start(): Promise<void> {
    assert.equal(this.#child, null, "mosquitto runs already");
    const child = spawn("mosquitto", ["-c", join(this.#folder, "mosquitto.conf"), "-v"], { stdio: "pipe" });
    this.#child = child;
    const note = (chunk: Buffer): void => void (this.#log = (this.#log + chunk.toString()).slice(-20_000));
    child.stdout.on("data", note);
    child.stderr.on("data", note);
    const endsAt = Date.now() + START_DEADLINE_MS;
    while (!(await listens(this.port))) {
      if (child.exitCode !== null || Date.now() > endsAt) throw new Error(`mosquitto did not start: ${this.#log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** As in a power cut: no goodbye to the clients beyond what the kernel says. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Accepts and answers nothing, though its sockets stay open, until `thaw`. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Stops the broker and removes its folder. */
  async dispose(): Promise<void> {
    await this.#end("SIGKILL");
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGCONT");
    child.kill(signal);
    const impatience = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
    await ended;
    clearTimeout(impatience);
  }
}

/** @returns a running broker; `dispose` it */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-mosquitto-"));
  const port = await freePort();
  const lines = [`listener ${port} 127.0.0.1`, "persistence false", ...(options.config ?? [])];
  // As root, mosquitto would give up its rights and could not read the files below any more.
  if (process.getuid?.() === 0) lines.unshift("user root");
  lines.push(`allow_anonymous ${options.users === undefined ? "true" : "false"}`);
  if (options.users !== undefined) {
    const passwords = join(folder, "passwords");
    await writeFile(passwords, "");
    for (const [user, password] of Object.entries(options.users)) {
      await run("mosquitto_passwd", ["-b", passwords, user, password]);
    }
    await chmod(passwords, 0o600);
    lines.push(`password_file ${passwords}`);
  }
  if (options.tls !== undefined) {
    const { certificates, clientCertificates } = options.tls;
    lines.push(`cafile ${certificates.caFile}`, `certfile ${certificates.serverCertFile}`);
    lines.push(`keyfile ${certificates.serverKeyFile}`, `require_certificate ${String(clientCertificates)}`);
  }
  lines.push(...(options.listener ?? []));
  await writeFile(join(folder, "mosquitto.conf"), `${lines.join("\n")}\n`);
  const broker = new Mosquitto(port, folder, options.tls !== undefined);
  await broker.start();
  return broker;
}

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
/** Certificates are valid this long. */
const VALID_DAYS = "2";

/**
 * @param daysAgo when they are made: they are valid for two days
 * @returns an authority, a server certificate for localhost and 127.0.0.1, and a client certificate, in `folder`
 */
export async function makeCertificates(folder: string, daysAgo = 0): Promise<TestCertificates> {
  const path = (name: string): string => join(folder, name);
  // The authority is valid all the same.
  await run("openssl", [
    ...["req", "-x509", ...EC, "-days", "30", "-subj", "/CN=nominald test authority"],
    ...["-keyout", path("ca.key"), "-out", path("ca.crt")],
  ]);
  await writeFile(path("server.ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  await writeFile(path("client.ext"), "extendedKeyUsage=clientAuth\n");
  await sign(folder, "server", "/CN=localhost", daysAgo);
  await sign(folder, "client", "/CN=station", daysAgo);
  return {
    caFile: path("ca.crt"),
    serverCertFile: path("server.crt"),
    serverKeyFile: path("server.key"),
    clientCertFile: path("client.crt"),
    clientKeyFile: path("client.key"),
  };
}

/** Puts a client certificate of another name, and its key, in the place of those that `makeCertificates` made. */
export async function renewClientCertificate(folder: string, name: string): Promise<void> {
  await writeFile(join(folder, "next.ext"), "extendedKeyUsage=clientAuth\n");
  await sign(folder, "next", `/CN=${name}`, 0);
  await rename(join(folder, "next.key"), join(folder, "client.key"));
  await rename(join(folder, "next.crt"), join(folder, "client.crt"));
}

/** Makes `<name>.key` and `<name>.crt`, signed by the folder's authority under the terms of `<name>.ext`. */
async function sign(folder: string, name: string, subject: string, daysAgo: number): Promise<void> {
  const path = (file: string): string => join(folder, file);
  const request = ["-subj", subject, "-keyout", path(`${name}.key`), "-out", path(`${name}.csr`)];
  await run("openssl", ["req", "-new", ...EC, ...request]);
  const clock = daysAgo === 0 ? [] : ["faketime", `${daysAgo} days ago`];
  const [file = "", ...args] = [
    ...[...clock, "openssl", "x509", "-req", "-in", path(`${name}.csr`), "-CA", path("ca.crt")],
    ...["-CAkey", path("ca.key"), "-CAcreateserial", "-days", VALID_DAYS],
    ...["-extfile", path(`${name}.ext`), "-out", path(`${name}.crt`)],
  ];
  await run(file, args);
}

/** @returns a loopback port that was free a moment ago */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
