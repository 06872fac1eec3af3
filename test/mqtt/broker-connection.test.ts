import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import type { TestContext } from "node:test";
import { test } from "node:test";
import type { BrokerConfig } from "../../src/config/config.ts";
import type { ConnectProblem } from "../../src/mqtt/connect-problem.ts";
import type { StationSession } from "../../src/mqtt/station-session.ts";
import { RepeatLimit } from "../../src/ops/repeat-limit.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import type { MosquittoOptions } from "../support/mosquitto.ts";
import { freePort, makeCertificates, renewClientCertificate, startMosquitto } from "../support/mosquitto.ts";
import { brokerConfig, LogBook, makeSession, outcome, until } from "./fixtures.ts";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "nominald-credentials-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** @returns the URL of a broker of the test's own making */
async function listening(t: TestContext, server: net.Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return `mqtt://127.0.0.1:${address.port}`;
}

async function brokerUrl(t: TestContext, options: MosquittoOptions = {}): Promise<string> {
  const mosquitto = await startMosquitto(options);
  t.after(() => mosquitto.dispose());
  return mosquitto.url;
}

function start(t: TestContext, config: BrokerConfig, book = new LogBook()): StationSession {
  // As in the daemon: what repeats is told once a minute.
  const logger = new RepeatLimit({ logger: book, clock: systemClock });
  t.after(() => logger.close());
  const session = makeSession(config, { logger });
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
  const book = new LogBook();
  start(t, brokerConfig(await listening(t, server)), book);
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

test("a broker that hangs up on every CONNECT is told once, and tried again", async (t) => {
  let connects = 0;
  const url = await listening(
    t,
    net.createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => {
        connects++;
        socket.destroy();
      });
    }),
  );
  const book = new LogBook();
  const session = start(t, brokerConfig(url), book);
  await until("four attempts", () => connects === 4);
  assert.equal((await problemOf(session)).kind, "connection-lost");
  assert.equal(book.lines.length, 1);
});

test("a broker whose certificate has expired is not spoken to", async (t) => {
  // Made ten days ago, for two.
  const certificates = await makeCertificates(await folder(t), 10);
  const url = await brokerUrl(t, { tls: { certificates, clientCertificates: false } });
  const problem = await problemOf(start(t, brokerConfig(url, { caFile: certificates.caFile })));
  assert.equal(problem.kind, "tls", problem.message);
  assert.match(problem.message, /expired.*|.*device's clock.*expired/);
});

for (const [maxVersion, speaks] of [
  ["TLSv1.1", false],
  ["TLSv1.2", true],
] as const) {
  test(`a broker that offers ${maxVersion} at best is ${speaks ? "spoken to" : "refused"}`, async (t) => {
    const { caFile, serverCertFile, serverKeyFile } = await makeCertificates(await folder(t));
    const [cert, key] = await Promise.all([readFile(serverCertFile), readFile(serverKeyFile)]);
    // Debian's OpenSSL would refuse the old version on the broker's side already.
    const ciphers = "DEFAULT@SECLEVEL=0";
    const spoken: (string | null)[] = [];
    const server = tls.createServer({ cert, key, minVersion: "TLSv1", maxVersion, ciphers }, (socket) => {
      socket.on("error", () => undefined);
      spoken.push(socket.getProtocol());
    });
    server.on("tlsClientError", () => undefined);
    const url = (await listening(t, server)).replace("mqtt://127.0.0.1", "mqtts://localhost");
    const session = start(t, brokerConfig(url, { caFile, connectTimeoutMs: 2_000 }));
    if (speaks) {
      await until("a handshake", () => spoken.length > 0);
      assert.deepEqual(spoken.slice(0, 1), ["TLSv1.2"]);
    } else {
      assert.equal((await problemOf(session)).kind, "tls");
      assert.deepEqual(spoken, []);
    }
  });
}

test("a client certificate that is renewed is used at once, by a new connection", async (t) => {
  const path = await folder(t);
  const certificates = await makeCertificates(path);
  const mosquitto = await startMosquitto({
    tls: { certificates, clientCertificates: true },
    config: [],
    listener: ["use_identity_as_username true"],
  });
  t.after(() => mosquitto.dispose());
  const { caFile, clientCertFile: certFile, clientKeyFile: keyFile } = certificates;
  const session = makeSession(brokerConfig(mosquitto.url, { caFile, certFile, keyFile }), { credentialCheckMs: 50 });
  t.after(() => session.close(200));
  session.start();
  await connected(session);
  assert.match(mosquitto.log, /u'station'/);
  await renewClientCertificate(path, "renewed-station");
  await until("the new name at the broker", () => mosquitto.log.includes("u'renewed-station'"));
  await until("a connection", () => session.status().state === "connected");
  assert.ok(session.counters().connects >= 2);
});

test("credentials of systemd are read from its folder, a new password is used at once, and neither is ever logged", async (t) => {
  const credentialsFolder = await folder(t);
  const url = await brokerUrl(t, { users: { station: "first-secret" } });
  const config = brokerConfig(url, { username: "station", passwordFile: "credential:broker-password" });
  const book = new LogBook();
  const options = { logger: book, credentialsFolder, credentialCheckMs: 50 };
  await writeFile(join(credentialsFolder, "broker-password"), "first-secret\n");
  const session = makeSession(config, options);
  t.after(() => session.close(200));
  session.start();
  await connected(session);
  await writeFile(join(credentialsFolder, "broker-password"), "second-secret\n");
  await until("the refusal of the new one", () => session.status().problem?.kind === "not-authorised");
  await writeFile(join(credentialsFolder, "broker-password"), "first-secret\n");
  await connected(session);
  const without = start(t, config, book);
  const problem = await problemOf(without);
  assert.equal(problem.kind, "credential-file");
  assert.match(problem.message, /\$CREDENTIALS_DIRECTORY for broker\.passwordFile, credential:broker-password/);
  assert.doesNotMatch(book.lines.join("\n"), /first-secret|second-secret/);
});

test("renewed credentials are looked at when asked for, and another broker of the configuration is gone to at once", async (t) => {
  const path = await folder(t);
  const url = await brokerUrl(t, { users: { station: "secret" } });
  const other = await brokerUrl(t, {});
  await writeFile(join(path, "password"), "secret\n");
  const config = brokerConfig(url, { username: "station", passwordFile: join(path, "password") });
  // By itself it would look in an hour.
  const session = makeSession(config, { credentialCheckMs: 3_600_000 });
  t.after(() => session.close(200));
  session.start();
  await connected(session);
  session.publishOutcome(outcome(1), { total: 1, ng: 0 });
  await until("the acknowledgement", () => session.counters().resultsOpen === 0);
  await writeFile(join(path, "password"), "another\n");
  session.checkCredentials();
  await until("the refusal of the new one", () => session.status().problem?.kind === "not-authorised");
  session.publishOutcome(outcome(2), { total: 2, ng: 0 });
  assert.equal(session.counters().resultsOpen, 1);
  session.reconfigure(brokerConfig(other, { version: "3.1.1" }));
  await connected(session);
  await until("the waiting result", () => session.counters().resultsOpen === 0);
});
