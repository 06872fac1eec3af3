import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import mqtt from "mqtt";
import type { Finding } from "../../src/doctor/finding.ts";
import { processStartTicks } from "../../src/shared/process-identity.ts";
import { temporaryFolder } from "../capture/pictures.ts";
import { freePort, makeCertificates, startMosquitto } from "../support/mosquitto.ts";
import type { Mosquitto, MosquittoOptions } from "../support/mosquitto.ts";
import { until } from "../support/until.ts";
import { configFor, examine, examineConfig, expectLine } from "./examine.ts";

const ROOT = "nominal/v1/plant/line1/st1";
const DEVICE = "nominal/v1/plant/_device/dev1";

async function broker(t: TestContext, options: MosquittoOptions = {}): Promise<Mosquitto> {
  const started = await startMosquitto(options);
  t.after(() => started.dispose());
  return started;
}

async function look(t: TestContext, settings: object): Promise<Finding[]> {
  return examine(t, ["broker"], { device: { broker: { connectTimeoutMs: 20_000, ...settings } } });
}

/** The broker's lines of a station, or of the device. */
function of(subject: string, findings: readonly Finding[]): Finding[] {
  return findings.filter((finding) => finding.subject === subject);
}

test("a broker that lets the station do all it must has no fail, in either version, and keeps what it had", async (t) => {
  const { url } = await broker(t);
  const other = await mqtt.connectAsync(url);
  t.after(() => other.end(true));
  await other.publishAsync(`${ROOT}/status`, "1", { qos: 1, retain: true });
  for (const version of ["5", "3.1.1"]) {
    const findings = await look(t, { url, version });
    expectLine(findings, "broker-name", "ok", /127\.0\.0\.1 is an address/);
    expectLine(findings, "broker-port", "ok", /accepts connections/);
    expectLine(findings, "broker-login", "ok", new RegExp(`MQTT ${version.replaceAll(".", "\\.")}$`));
    expectLine(of("line1/st1", findings), "broker-subscribe", "ok", /7 subscriptions/);
    // Of the device: status, two of the twin; two that the twin hears.
    expectLine(of("device", findings), "broker-subscribe", "ok", /2 subscriptions/);
    expectLine(of("device", findings), "broker-publish", "ok", /all 3 topics/);
    // status; plc/state, hb, accepted, result; inspection; state; two images; seven tags; one answer to a command; two of
    // the bank's delivery; two of the twin.
    expectLine(of("line1/st1", findings), "broker-publish", "ok", /all 22 topics/);
  }
  const retained: string[] = [];
  other.on("message", (topic, payload) => retained.push(`${topic} ${payload.toString()}`));
  await other.subscribeAsync(`${ROOT}/#`);
  await until("the retained message", () => retained.length > 0);
  assert.deepEqual(retained, [`${ROOT}/status 1`]);
});

test("a name that nobody knows and a port where nobody listens are told apart", async (t) => {
  const unknown = await look(t, { url: "mqtt://no-such-broker.invalid" });
  expectLine(unknown, "broker-name", "fail", /no-such-broker\.invalid is not known: /, /name server/);
  const closed = await look(t, { url: `mqtt://127.0.0.1:${await freePort()}` });
  expectLine(closed, "broker-port", "fail", /nothing accepts connections there/, /start the broker/);
  assert.equal(closed.length, 2, "after a fail nothing further is tried");
});

test("a wrong password and a missing password file are told apart", async (t) => {
  const { url } = await broker(t, { users: { station: "right" } });
  const passwordFile = join(await temporaryFolder(t), "password");
  await writeFile(passwordFile, "wrong\n");
  for (const version of ["5", "3.1.1"]) {
    const refused = await look(t, { url, version, username: "station", passwordFile });
    expectLine(refused, "broker-login", "fail", /refused the login/, /broker\.username and broker\.passwordFile/);
  }
  const missing = await look(t, { url, username: "station", passwordFile: `${passwordFile}.none` });
  expectLine(missing, "broker-credentials", "fail", /broker\.passwordFile but received .*ENOENT/, /create the file/);
});

test("topics that the broker's rules forbid are named in MQTT 5, and doubtful in 3.1.1", async (t) => {
  const rules = join(await temporaryFolder(t), "acl");
  const lines = [
    ...[`topic readwrite ${ROOT}/#`, `topic deny ${ROOT}/plc/result`, `topic deny ${ROOT}/tag/score`],
    ...[`topic readwrite ${DEVICE}/#`, `topic deny ${DEVICE}/twin/reported`],
  ];
  await writeFile(rules, `${lines.join("\n")}\n`);
  const { url } = await broker(t, { config: [`acl_file ${rules}`] });
  const five = await look(t, { url });
  expectLine(of("device", five), "broker-publish", "fail", /no right to publish \S*_device\/dev1\/twin\/reported: /);
  expectLine(
    of("line1/st1", five),
    "broker-publish",
    "fail",
    /no right to publish .*plc\/result, .*tag\/score: .*Not authorized/,
    /config\/acl/,
  );
  const four = await look(t, { url, version: "3.1.1" });
  expectLine(of("device", four), "broker-publish", "warn", /not heard again: \S*_device\/dev1\/twin\/reported\. /);
  expectLine(
    of("line1/st1", four),
    "broker-publish",
    "warn",
    /not heard again: \S*plc\/result, \S*tag\/score\. /,
    /broker\.version/,
  );
});

test("subscriptions that the broker refuses are named", async (t) => {
  // mosquitto's access file grants every subscription; its plugin answers them.
  const folder = await temporaryFolder(t);
  const file = join(folder, "dynamic-security.json");
  const acls = [
    { acltype: "publishClientSend", topic: "#", priority: 0, allow: true },
    ...["plc/+", "bank/#", "twin/#"].map((topic) => ({
      ...{ acltype: "subscribePattern", topic: `${ROOT}/${topic}`, priority: 0, allow: true },
    })),
  ];
  const access = { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true };
  await writeFile(
    file,
    JSON.stringify({
      defaultACLAccess: access,
      anonymousGroup: "all",
      groups: [{ groupname: "all", roles: [{ rolename: "station" }] }],
      roles: [{ rolename: "station", acls }],
      clients: [],
    }),
  );
  const { url } = await broker(t, { config: [`plugin ${await plugin()}`, `plugin_opt_config_file ${file}`] });
  for (const version of ["5", "3.1.1"]) {
    const findings = await look(t, { url, version });
    const device = /^no right to subscribe \S*dev1\/twin\/desired, \S*dev1\/twin\/try$/;
    expectLine(of("device", findings), "broker-subscribe", "fail", device, /config\/acl/);
    expectLine(
      of("line1/st1", findings),
      "broker-subscribe",
      "fail",
      /^no right to subscribe \S*st1\/cmd\/\+$/,
      /config\/acl/,
    );
  }
});

test("a broker without retained messages cannot serve a station", async (t) => {
  const { url } = await broker(t, { config: ["retain_available false"] });
  expectLine(await look(t, { url }), "broker-limits", "fail", /has no retained messages/, /broker's settings/);
});

test("certificates that have ended, are of a stranger or not there are told apart", async (t) => {
  const [sound, ended] = [await temporaryFolder(t), await temporaryFolder(t)];
  const certificates = await makeCertificates(sound);
  // Valid for two days, made five days ago.
  const expired = await makeCertificates(ended, 5);
  const good = await broker(t, { tls: { certificates, clientCertificates: true } });
  const bad = await broker(t, { tls: { certificates: expired, clientCertificates: false } });
  const own = {
    caFile: certificates.caFile,
    certFile: certificates.clientCertFile,
    keyFile: certificates.clientKeyFile,
  };

  const well = await look(t, { url: good.url, ...own });
  expectLine(well, "broker-tls", "ok", /^TLSv1\.\d, CN=localhost ← CN=nominald test authority, trusted for localhost/);
  expectLine(well, "broker-certificate", "warn", /CN=localhost is valid until .*: 1 days/, /renew/);
  expectLine(well, "broker-login", "ok", /MQTT 5/);

  const late = await look(t, { url: bad.url, caFile: expired.caFile });
  expectLine(late, "broker-certificate", "fail", /it has ended/, /renew/);
  expectLine(late, "broker-tls", "fail", /not trusted for localhost: CERT_HAS_EXPIRED/, /renew/);

  const stranger = await look(t, { url: good.url, ...own, caFile: expired.caFile });
  expectLine(stranger, "broker-tls", "fail", /not trusted for localhost: /, /broker\.caFile/);

  const { clientCertFile, clientKeyFile } = expired;
  const late2 = await look(t, { url: good.url, ...own, certFile: clientCertFile, keyFile: clientKeyFile });
  expectLine(late2, "broker-client-certificate", "fail", /this device's certificate .*it has ended/, /renew/);

  const noPem = join(sound, "garbage.crt");
  await writeFile(noPem, "garbage");
  const garbage = await look(t, { url: good.url, ...own, certFile: noPem });
  expectLine(garbage, "broker-client-certificate", "fail", /broker\.certFile holds no certificate/, /PEM/);
  expectLine(garbage, "broker-tls", "fail", /broker\.certFile/, /correct the content/);

  const plain = await broker(t);
  const noTls = await look(t, { url: plain.url.replace("mqtt:", "mqtts:"), caFile: certificates.caFile });
  expectLine(noTls, "broker-tls", "fail", /TLS|connection/, /speaks TLS/);
});

test("while a daemon runs nothing is published and no camera is opened", async (t) => {
  const { url } = await broker(t);
  const other = await mqtt.connectAsync(url);
  t.after(() => other.end(true));
  await other.subscribeAsync(`${ROOT}/#`);
  const heard: string[] = [];
  other.on("message", (topic) => heard.push(topic));
  const config = await configFor(t, { device: { broker: { url } } });
  // This very process stands for the daemon, as the lock in the state folder tells it.
  await writeFile(join(config.stateFolder, "daemon.lock"), `${process.pid} ${await processStartTicks(process.pid)}\n`);
  const findings = await examineConfig(config, ["bank", "camera", "broker"]);
  expectLine(findings, "daemon", "ok", new RegExp(`pid ${process.pid} runs on `));
  expectLine(findings, "camera", "warn", /not opened: the daemon with pid \d+ holds it/, /stop the daemon/);
  expectLine(findings, "broker-publish", "warn", /not tried, so as not to disturb/);
  expectLine(findings, "provider", "warn", /not tried/);
  expectLine(of("line1/st1", findings), "broker-subscribe", "ok", /7 subscriptions/);
  // What was published before this message would have come before it.
  await other.publishAsync(`${ROOT}/last`, "x", { qos: 1 });
  await until("the last message", () => heard.length > 0);
  assert.deepEqual(heard, [`${ROOT}/last`]);
});

test("a lock that cannot be read is told and ends nothing", async (t) => {
  const config = await configFor(t, {});
  await mkdir(join(config.stateFolder, "daemon.lock"));
  expectLine(await examineConfig(config, ["machine"]), "daemon", "fail", /cannot be seen: EISDIR/, /root/);
});

async function plugin(): Promise<string> {
  for (const triplet of await readdir("/usr/lib")) {
    if (!triplet.endsWith("-linux-gnu")) continue;
    const names = await readdir(join("/usr/lib", triplet));
    if (names.includes("mosquitto_dynamic_security.so"))
      return join("/usr/lib", triplet, "mosquitto_dynamic_security.so");
  }
  throw new Error("Expected mosquitto's plugin mosquitto_dynamic_security.so in /usr/lib");
}
