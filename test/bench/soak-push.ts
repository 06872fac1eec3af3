import assert from "node:assert/strict";
import type { NominaldProcess } from "../support/daemon-process.ts";
import { LineClient } from "../support/line-client.ts";
import { bankState, PushRig } from "../support/push-rig.ts";

/**
 * Pushes one bank and rolls it back, over and over, while the daemon is killed at random moments and the broker now and then.
 * After each kill the station has to come back with a whole bank. Prints a line a round; the first argument is their
 * number, default 200.
 */
const rounds = Number(process.argv[2] ?? 200);
const BROKER_EVERY = 10;
const LONGEST_MS = 8_000;

const rig = await PushRig.prepare();
let daemon: NominaldProcess = await rig.run({ maxKibibytesPerS: 256, probationParts: 5 });
try {
  for (let round = 1; round <= rounds; round++) {
    const push = rig.push(rig.bank, "--until", "probation");
    const waitMs = Math.random() * LONGEST_MS;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (round % BROKER_EVERY === 0) {
      await rig.broker.kill();
      await rig.broker.start();
    }
    await daemon.dispose();
    daemon = await rig.run({ maxKibibytesPerS: 256, probationParts: 5 });
    const client = await LineClient.connect(rig.broker.url);
    await client.until("a verdict by a whole bank", () =>
      client.results().some(({ verdict }) => verdict !== "NO_VERDICT"),
    );
    const { code } = await push;
    const stage = bankState(client)?.delivery?.stage;
    // What was broken off by a start of the device goes on; after a roll back the push was refused or rolled back.
    assert.ok(code === 0 || code === 4, `round ${round}: exit code ${code}`);
    if (bankState(client)?.active.source === "pushed") await rig.push("--rollback");
    process.stdout.write(
      `${round}/${rounds}: killed after ${Math.round(waitMs)} ms, push ended with ${code}, ${stage}\n`,
    );
    await client.close();
  }
} finally {
  await daemon.dispose();
  await rig.dispose();
}
