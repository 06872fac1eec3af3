import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connectAsync, type MqttClient } from "mqtt";
import { generateSigningKey } from "../../src/bank/signing-key.ts";
import type { CommandIo } from "../../src/cli/io.ts";
import { pushCommand } from "../../src/cli/push.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";

const folder = mkdtempSync(join(tmpdir(), "nominald-push-"));
const key = generateSigningKey();
const keyFile = join(folder, "office.key");
const file = join(folder, "change.yaml");
let broker: Mosquitto;
let device: MqttClient;

before(async () => {
  writeFileSync(keyFile, key.privatePem);
  writeFileSync(file, "threshold: 2\n");
  broker = await startMosquitto();
  device = await connectAsync(broker.url);
});
after(async () => {
  await device.endAsync(true);
  await broker.dispose();
  rmSync(folder, { recursive: true });
});

async function push(...args: string[]): Promise<{ code: number; err: string }> {
  const err: string[] = [];
  const io: CommandIo = {
    out: () => undefined,
    err: (line) => err.push(line),
    isTerminal: false,
    signal: new AbortController().signal,
  };
  return { code: await pushCommand(["config", ...args], io), err: err.join("\n") };
}

/** What a device, or somebody else, keeps on the broker. */
async function report(root: string, counters: object): Promise<void> {
  const document = { at: "", desiredVersion: 0, appliedVersion: 0, status: "ok", document: null, errors: [], counters };
  await device.publishAsync(`nominal/v1/${root}/twin/reported`, JSON.stringify(document), { qos: 1, retain: true });
}

test("a wrong command line says what was expected", async () => {
  const to = ["--to", broker.url];
  const who = ["--station", "line1/st1"];
  for (const [args, expected] of [
    [[file, ...who, "--key", keyFile], /^Expected --to URL/],
    [[file, ...to, "--key", keyFile], /^Expected either --station LINE\/NAME or --device NAME/],
    [[file, ...to, ...who, "--device", "d", "--key", keyFile], /^Expected either --station/],
    [[file, ...to, "--station", "line1/#", "--key", keyFile], /^Expected either --station/],
    [[file, ...to, ...who], /^Expected either --key FILE or --unsigned/],
    [[...to, ...who, "--key", keyFile], /^Expected one FILE/],
    [[file, ...to, ...who, "--key", keyFile, "--timeout", "soon"], /^Expected --timeout in seconds but received soon/],
  ] as const) {
    const { code, err } = await push(...args);
    assert.equal(code, 2);
    assert.match(err, expected);
  }
});

test("a file that is wrong is told with its lines before anything is sent", async () => {
  const wrong = join(folder, "wrong.yaml");
  writeFileSync(wrong, "deadlineMs: 100\ncamera:\n  path: /etc\n  framrate: 3\n");
  const args = [wrong, "--to", "mqtt://127.0.0.1:1", "--station", "line1/st1", "--key", keyFile];
  await assert.rejects(push(...args), {
    code: "config-invalid",
    message:
      /camera\.framrate \(line 4\).*known key \(framerate\?\)[^]*camera\.path \(line 3\).*only the device's own file/s,
  });
});

test("stations of one name on two sites are told apart by --site, or not pushed to", async () => {
  await report("a/line1/twice", {});
  await report("b/line1/twice", {});
  const args = [file, "--to", broker.url, "--station", "line1/twice", "--key", keyFile];
  await assert.rejects(push(...args), { code: "push-ambiguous", message: /received a, b; give --site/ });
  await assert.rejects(push(...args, "--site", "a", "--timeout", "0.2"), {
    code: "push-timeout",
    message: /an answer of a\/line1\/twice within 0\.2 s/,
  });
});

test("a counter that no honest device has is not signed", async () => {
  const desired: Buffer[] = [];
  device.on("message", (_topic, payload) => desired.push(payload));
  await device.subscribeAsync("nominal/v1/a/line1/liar/twin/desired", { qos: 1 });
  await report("a/line1/liar", { [key.keyId]: 9_007_199_254_740_990 });
  const args = [file, "--to", broker.url, "--station", "line1/liar", "--key", keyFile];
  await assert.rejects(push(...args), { code: "push-counter", message: /somebody else may have published it/ });
  assert.deepEqual(desired, []);
});

test("a broker that is not there, a key that is none and a login that cannot be read are told", async () => {
  const args = [file, "--station", "line1/st1"];
  await assert.rejects(push(...args, "--to", "mqtt://127.0.0.1:1", "--key", keyFile), { code: "push-connect" });
  await assert.rejects(push(...args, "--to", broker.url, "--key", file), { code: "signing-key" });
  await assert.rejects(push(...args, "--to", broker.url, "--key", keyFile, "--password-file", "/nowhere"), {
    code: "push-login",
  });
});
