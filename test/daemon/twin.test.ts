import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { stringify } from "yaml";
import { Counters } from "../../src/bank/counters.ts";
import { signDocument } from "../../src/bank/signed-document.ts";
import { generateSigningKey, readSigningKey } from "../../src/bank/signing-key.ts";
import { TrustedKeys } from "../../src/bank/trusted-keys.ts";
import { ConfigKeeper } from "../../src/daemon/config-keeper.ts";
import { DocumentGate } from "../../src/daemon/document-gate.ts";
import { effectiveConfig } from "../../src/daemon/effective-config.ts";
import { Trial } from "../../src/daemon/trial.ts";
import { NOTHING_STORED, TwinFile } from "../../src/daemon/twin-file.ts";
import { Twin } from "../../src/daemon/twin.ts";
import type { TwinReport, TwinTryAnswer } from "../../src/mqtt/twin-payloads.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/until.ts";

const NAME = "line1/st1";
const TARGET = `test/${NAME}`;
const { privatePem, publicPem } = generateSigningKey();
const key = readSigningKey(privatePem, "a test");

function document(counter: number, body: object): Buffer {
  return signDocument({ type: "config", target: TARGET, counter, body }, key);
}

function question(config: object): Buffer {
  return signDocument({ type: "command", target: TARGET, counter: 1, body: { command: "try-config", config } }, key);
}

/** The state folder of one device, over starts of its daemon. */
function device(t: TestContext) {
  const stateFolder = mkdtempSync(join(tmpdir(), "nominald-twin-"));
  t.after(() => rmSync(stateFolder, { recursive: true }));
  const keys = join(stateFolder, "keys");
  mkdirSync(keys);
  TrustedKeys.open(keys).trust(publicPem, ["config"], "", "a test", new Date());
  Counters.open(keys).rearm();
  const station = { line: "line1", name: "st1", bank: "a.bank", camera: { source: "test" }, threshold: 1 };
  const text = stringify({ site: "test", device: "bench", stateFolder, stations: [station] });
  const source = { text, file: "/c.yaml", env: {} };

  /** A start of the daemon; `camera` plays or not, whatever is asked of it. */
  const start = (camera = { plays: true }) => {
    const effective = effectiveConfig(source);
    const clock = { nowMs: 0, monotonicMs: () => clock.nowMs, wallMs: () => clock.nowMs };
    const log = new KeptLog();
    const gate = new DocumentGate({ stateFolder, allowUnsigned: () => false, clock, logger: log });
    const keeper = new ConfigKeeper(source, effective, () => undefined);
    const criterion = { expected: "the camera to play", proved: () => camera.plays, stands: () => camera.plays };
    const trial = { criteria: [criterion], needsConfirmation: false, withinS: 60, clock };
    const twin = new Twin({
      ...{ name: NAME, target: TARGET, gate, keeper, clock, logger: log },
      file: new TwinFile(stateFolder, NAME),
      stored: effective.twins.get(NAME) ?? NOTHING_STORED,
      leftOut: effective.leftOut.get(NAME) ?? null,
      trialOf: (changes) => (changes.some(({ apply }) => apply === "restart") ? new Trial(trial) : null),
    });
    t.after(() => twin.close());
    const reports: TwinReport[] = [];
    const answers: TwinTryAnswer[] = [];
    twin.listen({ report: (report) => reports.push(report), answerTry: (answer) => answers.push(answer) });
    twin.start();
    const threshold = (): number | null | undefined => keeper.config.stations[0]?.threshold;
    const status = (): string => {
      const last = reports.at(-1);
      return `${last?.status} ${last?.desiredVersion}/${last?.appliedVersion}`;
    };
    const says = (expected: string): Promise<void> => until(expected, () => status() === expected);
    return { twin, clock, log, reports, answers, threshold, status, says };
  };
  return { stateFolder, start };
}

/** Under it the camera is started anew. */
const RISKY = { threshold: 7, camera: { framerate: 5 } };

test("a configuration under which the camera does not play is taken back when its time is over", async (t) => {
  const { start } = device(t);
  const camera = { plays: true };
  const { twin, clock, says, threshold, reports } = start(camera);
  twin.receive(document(1, { threshold: 3 }));
  await says("ok 1/1");
  camera.plays = false;
  twin.receive(document(2, RISKY));
  await says("pending 2/2");
  assert.equal(threshold(), 7);
  clock.nowMs = 60_000;
  await says("rolled_back 2/1");
  assert.equal(threshold(), 3);
  assert.match(reports.at(-1)?.errors[0]?.message ?? "", /the camera to play within 60 s/);
  // The broker delivers it again at each connect, and it stays as it is, over starts too.
  twin.receive(document(2, RISKY));
  const again = start();
  again.twin.receive(document(2, RISKY));
  again.twin.receive(document(3, { threshold: 4 }));
  await again.says("ok 3/3");
  assert.deepEqual(
    again.reports.map(({ status }) => status),
    ["rolled_back", "ok"],
  );
});

test("a daemon that ends during a trial takes the configuration back at its next start", async (t) => {
  const { start } = device(t);
  const first = start({ plays: false });
  first.twin.receive(document(1, RISKY));
  await first.says("pending 1/1");
  first.twin.close();
  const second = start();
  assert.equal(second.status(), "rolled_back 1/0");
  assert.match(second.reports[0]?.errors[0]?.message ?? "", /started before the configuration had proved itself/);
  assert.equal(second.threshold(), 1);
  assert.equal(start().status(), "rolled_back 1/0");
});

test("what comes during a trial waits for its end, and of several documents the newest counts", async (t) => {
  const { start } = device(t);
  const camera = { plays: false };
  const { twin, says, reports } = start(camera);
  twin.receive(document(1, RISKY));
  await says("pending 1/1");
  twin.receive(document(2, { ...RISKY, threshold: 8 }));
  twin.receive(document(3, { ...RISKY, threshold: 9 }));
  camera.plays = true;
  await says("ok 3/3");
  assert.deepEqual(
    reports.map(({ status, desiredVersion }) => `${status} ${desiredVersion}`),
    ["ok 0", "pending 1", "ok 1", "ok 3"],
  );
});

test("a configuration that the disk does not take changes nothing, and is told", async (t) => {
  const { start, stateFolder } = device(t);
  // A file stands where the folder would be made.
  writeFileSync(join(stateFolder, "twin"), "");
  const { twin, says, threshold, reports } = start();
  twin.receive(document(1, { threshold: 3 }));
  await says("rejected 1/0");
  assert.match(reports.at(-1)?.errors[0]?.message ?? "", /EEXIST|ENOTDIR/);
  assert.equal(threshold(), 1);
});

test("a question is answered with what would change, and uses no counter; one that comes too fast is passed over", async (t) => {
  const { start } = device(t);
  const { twin, clock, answers, threshold, says } = start();
  twin.tryOut(question(RISKY));
  twin.tryOut(question(RISKY));
  clock.nowMs = 1_000;
  twin.tryOut(question({ threshold: -1 }));
  clock.nowMs = 2_000;
  // A configuration is no question: nobody can make one out of the other.
  twin.tryOut(document(1, RISKY));
  assert.deepEqual(
    answers.map(({ status, changes }) => [status, changes.map(({ path, to }) => `${path} ${JSON.stringify(to)}`)]),
    [
      ["ok", ["threshold 7", "camera.framerate 5"]],
      ["rejected", []],
      ["rejected", []],
    ],
  );
  assert.match(answers[1]?.errors[0]?.message ?? "", /a number above 0/);
  assert.match(answers[2]?.errors[0]?.message ?? "", /^envelope-type/);
  twin.receive(question(RISKY));
  await says("rejected 0/0");
  assert.equal(threshold(), 1);
  twin.receive(document(1, { threshold: 3 }));
  await says("ok 1/1");
});
