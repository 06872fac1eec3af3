import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import type { BrokerConfig } from "../../src/config/config.ts";
import type { ConnectProblem } from "../../src/mqtt/connect-problem.ts";
import type { StationSession } from "../../src/mqtt/station-session.ts";
import type { MosquittoOptions } from "../support/mosquitto.ts";
import { freePort, makeCertificates, startMosquitto } from "../support/mosquitto.ts";
import { brokerConfig, LogBook, makeSession, until } from "./fixtures.ts";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "nominald-credentials-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function brokerUrl(t: TestContext, options: MosquittoOptions = {}): Promise<string> {
  const mosquitto = await startMosquitto(options);
  t.after(() => mosquitto.dispose());
  return mosquitto.url;
}

function start(t: TestContext, config: BrokerConfig, book = new LogBook()): StationSession {
  const session = makeSession(config, { logger: book });
  t.after(() => session.close(200));
  session.start();
  return session;
}

const connected = (session: StationSession) => until("a connection", () => session.status().state === "connected");

async function problemOf(session: StationSession): Promise<ConnectProblem> {
  await until("a problem", () => session.status().problem !== null);
  const problem = session.status().problem;
  assert.ok(problem !== null);
  return problem;
}

test("a broker that is not there is a message naming it, told once however often it is tried, and no error", async (t) => {
  const port = await freePort();
  const book = new LogBook();
  const session = start(t, brokerConfig(`mqtt://user:hunter2@127.0.0.1:${port}`), book);
  const problem = await problemOf(session);
  assert.equal(problem.kind, "connect-refused");
  assert.match(problem.message, new RegExp(`broker at mqtt://127.0.0.1:${port} but nothing accepts .*ECONNREFUSED`));
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal(book.lines.length, 1);
  assert.ok(!book.lines.join().includes("hunter2"));
});

test("a name that nobody knows is unreachable", async (t) => {
  const session = start(t, brokerConfig("mqtt://no-such-host.invalid:1883"));
  assert.equal((await problemOf(session)).kind, "unreachable");
});

for (const version of ["5", "3.1.1"] as const) {
  test(`a wrong password is told as such, and a corrected file is read without a restart, over MQTT ${version}`, async (t) => {
    const passwordFile = join(await folder(t), "password");
    await writeFile(passwordFile, "wrong-secret\n");
    const url = await brokerUrl(t, { users: { station: "right-secret" } });
    const book = new LogBook();
    const session = start(t, brokerConfig(url, { version, username: "station", passwordFile }), book);
    const problem = await problemOf(session);
    assert.equal(problem.kind, "not-authorised");
    assert.match(problem.message, /the broker refused the login; check broker\.username, broker\.passwordFile/);
    await writeFile(passwordFile, "right-secret\n");
    await connected(session);
    assert.equal(session.status().problem, null);
    assert.doesNotMatch(book.lines.join(), /wrong-secret|right-secret/);
  });
}

test("a password file that is missing is named", async (t) => {
  const url = await brokerUrl(t);
  const session = start(t, brokerConfig(url, { username: "station", passwordFile: "/no/such/password" }));
  const problem = await problemOf(session);
  assert.equal(problem.kind, "credential-file");
  assert.match(problem.message, /broker\.passwordFile but received \/no\/such\/password/);
});

test("a station with a certificate of the broker's authority gets in over TLS; without one it is told why not", async (t) => {
  const certificates = await makeCertificates(await folder(t));
  const url = await brokerUrl(t, { tls: { certificates, clientCertificates: true } });
  const { caFile, clientCertFile: certFile, clientKeyFile: keyFile } = certificates;
  await connected(start(t, brokerConfig(url, { caFile, certFile, keyFile })));
  const stranger = start(t, brokerConfig(url, { caFile }));
  const problem = await problemOf(stranger);
  assert.equal(problem.kind, "tls", problem.message);
});

test("a broker whose certificate another authority signed is not spoken to", async (t) => {
  const certificates = await makeCertificates(await folder(t));
  const others = await makeCertificates(await folder(t));
  const url = await brokerUrl(t, { tls: { certificates, clientCertificates: false } });
  const session = start(t, brokerConfig(url, { caFile: others.caFile }));
  const problem = await problemOf(session);
  assert.equal(problem.kind, "tls", problem.message);
  assert.match(problem.message, /the TLS handshake failed; check broker\.caFile/);
});

test("a key file that holds no key is a TLS problem, not a crash", async (t) => {
  const path = await folder(t);
  const certificates = await makeCertificates(path);
  const keyFile = join(path, "broken.key");
  await writeFile(keyFile, "no key at all\n");
  const { caFile, clientCertFile: certFile } = certificates;
  const session = start(t, brokerConfig("mqtts://localhost:1", { caFile, certFile, keyFile }));
  const problem = await problemOf(session);
  assert.equal(problem.kind, "tls", problem.message);
});

test("a connection that comes and goes is told once, with the broker's own reason", async (t) => {
  // Speaks just enough MQTT 5: CONNACK without properties, then DISCONNECT 0x8e, session taken over.
  let connects = 0;
  const server = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      connects++;
      socket.write(Buffer.from([0x20, 0x03, 0x00, 0x00, 0x00]));
      socket.end(Buffer.from([0xe0, 0x02, 0x8e, 0x00]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const book = new LogBook();
  start(t, brokerConfig(`mqtt://127.0.0.1:${address.port}`), book);
  await until("four connections", () => connects === 4);
  const warnings = book.lines.filter((line) => line.startsWith("warn"));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /another client with the same id .*"problem":"taken-over"/);
});

test("a broker that accepts and never answers is given up and tried again", async (t) => {
  const mosquitto = await startMosquitto();
  t.after(() => mosquitto.dispose());
  mosquitto.freeze();
  const session = start(t, brokerConfig(mosquitto.url, { connectTimeoutMs: 200 }));
  assert.equal((await problemOf(session)).kind, "connect-timeout");
  mosquitto.thaw();
  await connected(session);
});
