import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { stringify } from "yaml";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { SystemdContainer, whyNoSystemd } from "../support/systemd-container.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";

const skip = whyNoSystemd() ?? false;
const CONFIG = "/etc/nominald/nominald.yaml";
const COMMISSIONING = 0x08;
const LOGIN = { username: "line", password: "a secret of the line" };

let broker: Mosquitto;
let line: TestLine;
let container: SystemdContainer;
let config: (changed: object) => string;

before(async () => {
  if (skip !== false) return;
  broker = await startMosquitto({ users: { [LOGIN.username]: LOGIN.password } });
  line = await TestLine.prepare(ANY_VERDICTS);
  const camera = { source: "test", pattern: "ball", width: 320, height: 240, framerate: 10 };
  const station = { mode: "continuous", bank: "/srv/washer.bank" };
  const login = { username: LOGIN.username, passwordFile: "credential:nominald_mqtt-password" };
  const device = { stateFolder: "/var/lib/nominald", broker: { url: broker.url, ...login } };
  config = (changed) =>
    stringify(line.config({ broker: broker.url, camera, station: { ...station, ...changed }, device }));
  container = await SystemdContainer.boot({
    [CONFIG]: config({}),
    "/etc/nominald/credentials/mqtt-password": `${LOGIN.password}\n`,
    "/srv/washer.bank": `FILE:${line.bank}`,
    // The unit's own 30 s would make a long test; a busy machine still answers within this.
    "/etc/systemd/system/nominald.service.d/test.conf": "[Service]\nWatchdogSec=8\n",
  });
});

after(async () => {
  if (skip !== false) return;
  await container.dispose();
  await broker.dispose();
  await line.dispose();
});

test("under a real systemd the hardened unit is ready, tells its state, and gives verdicts", { skip }, async (t) => {
  const client = await LineClient.connect(broker.url, LOGIN);
  t.after(() => client.close());
  await until("verdicts", () => client.results().length > 3);
  await until("the state in words", async () => {
    const { StatusText } = await container.properties("StatusText");
    return StatusText === "line1/st1 continuous";
  });
  const { ActiveState, NRestarts, Type } = await container.properties("ActiveState", "NRestarts", "Type");
  assert.deepEqual([Type, ActiveState, NRestarts], ["notify", "active", "0"]);
  const owner = await container.exec("stat", "--format=%U %a", "/var/lib/nominald", "/etc/nominald/credentials");
  assert.equal(owner, "nominald 750\nroot 700\n");
  assert.doesNotMatch(await container.exec("journalctl", "--unit=nominald"), new RegExp(LOGIN.password));
  const information = await container.exec("journalctl", "--unit=nominald", "--priority=6..6", "--output=cat");
  assert.match(information, /^\{.*"msg":"daemon is up"/m);
  const warnings = await container.exec("journalctl", "--unit=nominald", "--priority=warning", "--output=cat");
  assert.doesNotMatch(warnings, /daemon is up/);
});

test(
  "systemctl reload takes a changed file over in the running daemon; a wrong one changes nothing",
  { skip },
  async (t) => {
    const client = await LineClient.connect(broker.url, LOGIN);
    t.after(() => client.close());
    const { MainPID } = await container.properties("MainPID");
    const flagged = (): boolean => ((client.results().at(-1)?.flags ?? 0) & COMMISSIONING) !== 0;
    await until("verdicts", () => client.results().length > 1);
    assert.ok(!flagged());
    await container.write(CONFIG, config({ commissioning: true }));
    await container.exec("systemctl", "reload", "nominald");
    await until("results not for control", flagged);

    await container.write(CONFIG, config({ commissioning: "perhaps" }));
    await container.exec("systemctl", "reload", "nominald");
    await until("the refusal in the journal", async () =>
      (await container.exec("journalctl", "--unit=nominald", "--priority=err", "--output=cat")).includes(
        "the configuration stays as it was",
      ),
    );
    const before = client.results().length;
    await until("verdicts as before", () => client.results().length > before + 3);
    assert.ok(flagged());

    await container.write(CONFIG, config({}));
    await container.exec("systemctl", "reload", "nominald");
    await until("results for control", () => !flagged());
    // READY after RELOADING: no reload hangs, and it is the same process all along.
    await until(
      "the end of the reload",
      async () => (await container.properties("ActiveState"))["ActiveState"] === "active",
    );
    const after = await container.properties("MainPID", "NRestarts");
    assert.deepEqual(after, { MainPID, NRestarts: "0" });
  },
);

test(
  "a daemon whose event loop stands still is started anew by the watchdog, and its line goes on",
  { skip },
  async (t) => {
    const client = await LineClient.connect(broker.url, LOGIN);
    t.after(() => client.close());
    const { MainPID = "" } = await container.properties("MainPID");
    await container.exec("kill", "-STOP", MainPID);
    await until("the will", () => client.texts("status").includes("0"));
    await until("a new start", async () => (await container.properties("NRestarts"))["NRestarts"] === "1");
    const before = client.results().length;
    await until("verdicts again", () => client.results().length > before + 3);
    assert.match(await container.exec("journalctl", "--unit=nominald"), /Watchdog timeout/);
  },
);

test("systemctl stop ends it in order: status 0, no failure, nothing left in shared memory", { skip }, async (t) => {
  const client = await LineClient.connect(broker.url, LOGIN);
  t.after(() => client.close());
  await until("status 1", () => client.texts("status").at(-1) === "1");
  await container.exec("systemctl", "stop", "nominald");
  await until("status 0", () => client.texts("status").at(-1) === "0");
  const { ActiveState, Result } = await container.properties("ActiveState", "Result");
  assert.deepEqual([ActiveState, Result], ["inactive", "success"]);
  assert.doesNotMatch(await container.exec("ls", "/dev/shm"), /nominald-/);
});
