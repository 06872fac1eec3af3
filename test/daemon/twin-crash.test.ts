import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { Counters } from "../../src/bank/counters.ts";
import { signDocument } from "../../src/bank/signed-document.ts";
import { generateSigningKey, readSigningKey } from "../../src/bank/signing-key.ts";
import { TrustedKeys } from "../../src/bank/trusted-keys.ts";
import { effectiveConfig } from "../../src/daemon/effective-config.ts";

const CHILD = fileURLToPath(new URL("./twin-apply.child.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nominald-crash-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const { privatePem, publicPem } = generateSigningKey();
const key = readSigningKey(privatePem, "a test");

function sourceOf(stateFolder: string) {
  const station = { line: "line1", name: "st1", bank: "a.bank", camera: { source: "test" }, threshold: 1 };
  const text = stringify({ site: "test", device: "bench", stateFolder, stations: [station] });
  return { text, file: join(folder, "c.yaml"), env: {} };
}

function document(counter: number, threshold: number): string {
  const body = { threshold, deadlineMs: 500 + counter };
  return signDocument({ type: "config", target: "test/line1/st1", counter, body }, key).toString("base64");
}

async function take(stateFolder: string, envelope: string, step: number, kind: "live" | "trial") {
  const { text, file } = sourceOf(stateFolder);
  const args = ["--import", "tsx", CHILD, text, file, envelope, String(step), kind];
  return new Promise<{ killed: boolean; said: string }>((resolve) => {
    execFile(process.execPath, args, (error, stdout) => resolve({ killed: error?.signal === "SIGKILL", said: stdout }));
  });
}

/** Threshold and deadline, which one document sets together. */
function held(stateFolder: string): string {
  const [station] = effectiveConfig(sourceOf(stateFolder)).loaded.config.stations;
  return `${station?.threshold} ${station?.deadlineMs}`;
}

/** Steps of one file: written, synced, renamed, folder synced. First the counters, then the twin; a trial's end is a third. */
const STEPS = { live: 8, trial: 12 } as const;
const OLD = "2 501";
const NEW = "3 502";

for (const kind of ["live", "trial"] as const) {
  test(`SIGKILL after each step of writing a ${kind} configuration leaves the old document or the new one, whole`, async () => {
    const before = join(folder, `${kind}-before`);
    mkdirSync(join(before, "keys"), { recursive: true });
    TrustedKeys.open(join(before, "keys")).trust(publicPem, ["config"], "", "a test", new Date());
    Counters.open(join(before, "keys")).rearm();
    assert.deepEqual(await take(before, document(1, 2), 0, "live"), { killed: false, said: "ok ok " });
    assert.equal(held(before), OLD);
    const ends: string[] = [];
    for (let step = 1; step <= STEPS[kind]; step++) {
      const state = join(folder, `${kind}-${step}`);
      cpSync(before, state, { recursive: true });
      assert.equal((await take(state, document(2, 3), step, kind)).killed, true, `step ${step}`);
      ends.push(held(state));
      // The counters are whole, and the next document is taken.
      assert.equal(Counters.open(join(state, "keys")).problem, null);
      const last = Counters.open(join(state, "keys")).last({
        keyId: key.keyId,
        type: "config",
        target: "test/line1/st1",
      });
      assert.equal(last, step < 3 ? 1 : 2, `counter after step ${step}`);
    }
    // The new document holds from the rename of the file that makes it current: the last of them.
    const renamed = STEPS[kind] - 1;
    assert.deepEqual(
      ends,
      ends.map((_, index) => (index + 1 < renamed ? OLD : NEW)),
    );
    const survivor = join(folder, `${kind}-${STEPS[kind] - 4}`);
    assert.match((await take(survivor, document(3, 4), 0, kind)).said, /ok $/);
    assert.equal(held(survivor), "4 503");
    // One step more than there are: the process comes to its end.
    const whole = join(folder, `${kind}-whole`);
    cpSync(before, whole, { recursive: true });
    assert.equal((await take(whole, document(2, 3), STEPS[kind] + 1, kind)).killed, false);
    assert.equal(held(whole), NEW);
  });
}
