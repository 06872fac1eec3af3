import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { seededRandom } from "../../src/patchcore/random.ts";
import { PushBreaker } from "../support/push-breaker.ts";
import { PushRig } from "../support/push-rig.ts";

/**
 * `npm run soak:push`: banks, configurations and roll backs are pushed without end while the device is killed 200 times at random
 * moments and the broker 20 times; checks what test/e2e/push-faults.test.ts checks. Prints a line a kill, and the sums.
 * `-- --kills N --broker-kills N --seed N` for others.
 */
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    "broker-kills": { type: "string", default: "20" },
    seed: { type: "string", default: String(randomInt(2 ** 31)) },
  },
});
const [kills, brokerKills, seed] = [values.kills, values["broker-kills"], values.seed].map(Number);
if (
  kills === undefined ||
  brokerKills === undefined ||
  seed === undefined ||
  ![kills, brokerKills, seed].every(Number.isInteger)
) {
  throw new Error("Expected whole numbers for --kills, --broker-kills and --seed");
}
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
console.log(
  `${cpus()[0]?.model ?? "?"} × ${cpus().length}, Node ${process.versions.node}, commit ${commit}, seed ${seed}`,
);
const rig = await PushRig.prepare();
try {
  const random = seededRandom(seed);
  const breaker = new PushBreaker({
    ...{ rig, kills, brokerKills, longestMs: 4_000, random: () => random.uniform(), say: (line) => console.log(line) },
  });
  const { ends, stages } = await breaker.run();
  console.log(
    `${kills} kills of the device, ${brokerKills} of the broker; each time a whole bank, and verdicts went on`,
  );
  console.log("killed during:", Object.fromEntries(stages));
  console.log("pushes by exit code or error:", Object.fromEntries([...ends].sort()));
} finally {
  await rig.dispose();
}
