import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { nominald, NominaldProcess } from "../support/daemon-process.ts";
import { FleetRig, type FleetStation } from "../support/fleet-rig.ts";
import { until } from "../support/until.ts";

const STATIONS = 50;
const WAVES = ["--canary", "1", "--then", "10%", "--then", "all"];

let rig: FleetRig;
before(async () => {
  rig = await FleetRig.prepare(STATIONS);
});
after(async () => {
  await rig.dispose();
});

function first(): FleetStation {
  const [station] = rig.stations;
  if (station === undefined) throw new Error("unreachable");
  return station;
}

/** Counters that the stations have seen of the bank's key: one that was left alone has none. */
function offers(): number[] {
  return rig.stations.map(({ delivery }) => Object.values(delivery.state.counters)[0] ?? 0);
}

test("a bank that the canary rolls back goes to nobody else of 50 stations; when that is mended the same command goes on", async () => {
  const command = rig.arguments(["bank", rig.bank], ...WAVES, "--halt-on", "rolled_back");
  first().behaviour.works = false;
  const halted = await nominald(command);
  assert.equal(halted.code, 5, halted.stderr);
  assert.match(halted.stdout, /^plant\/line1\/st001 +1 +[-\d]+ [:\d]+ +rolled_back +probation-no-verdict: /m);
  assert.match(halted.stdout, /^plant\/line1\/st050 +3 +not begun$/m);
  assert.match(halted.stdout, /^50 stations: 1 rolled_back, 49 not begun$/m);
  assert.match(halted.stderr, /^halted: plant\/line1\/st001 rolled_back; nobody else gets it/m);
  assert.deepEqual(offers(), [1, ...new Array<number>(STATIONS - 1).fill(0)]);
  assert.equal(first().bankId, null);

  first().behaviour.works = true;
  const done = await nominald(command);
  assert.equal(done.code, 0, done.stderr);
  assert.match(
    done.stdout,
    /^wave 1 of 3: 1 of 1 stations\n[^]*^wave 2 of 3: 5 of 5 stations\n[^]*^wave 3 of 3: 44 of 44/m,
  );
  assert.match(done.stdout, /^50 stations: 50 done$/m);
  assert.ok(rig.stations.every(({ bankId }) => bankId?.startsWith("second-") === true));
  assert.deepEqual(offers(), [2, ...new Array<number>(STATIONS - 1).fill(1)]);

  // Once more: all is done, and nobody is troubled.
  const again = await nominald(command);
  assert.equal(again.code, 0, again.stderr);
  assert.doesNotMatch(again.stdout, /^wave/m);
  assert.deepEqual(offers(), [2, ...new Array<number>(STATIONS - 1).fill(1)]);

  // What is rolled back everywhere is a rollout too, with a state of its own.
  const state = ["--state", join(rig.folder, "back.json")];
  const back = await nominald(rig.arguments(["bank", "--rollback"], "--canary", "1", "--then", "all", ...state));
  assert.equal(back.code, 0, back.stderr);
  await until("the banks of before", () => rig.stations.every(({ bankId }) => bankId === null));
});

test("a configuration's rollout that was broken off goes on where it was, and another one does not take its state", async () => {
  const file = join(rig.folder, "threshold.yaml");
  await writeFile(file, "threshold: 3\n");
  const command = rig.arguments(["config", file], "--canary", "2", "--then", "all", "--parallel", "1");
  const broken = new NominaldProcess(command);
  const took = (): FleetStation[] => rig.stations.filter(({ threshold }) => threshold === 3);
  await until("some stations", () => took().length >= 4);
  broken.kill("SIGINT");
  const stopped = await broken.finished;
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stderr, /stopped; the same command goes on, by .*threshold\.yaml\.rollout\.json/);
  const [, done = ""] = /^50 stations:.*?(\d+) done/m.exec(stopped.stdout) ?? [];
  assert.ok(Number(done) >= 3 && Number(done) < STATIONS, stopped.stdout);

  await writeFile(file, "threshold: 4\n");
  const other = await nominald(command);
  assert.equal(other.code, 4);
  assert.match(other.stderr, /Expected the rollout of .*threshold\.yaml to line1\/\+: 2 all in .* but it has that of/);
  await writeFile(file, "threshold: 3\n");

  const rest = await nominald(command);
  assert.equal(rest.code, 0, rest.stderr);
  assert.match(rest.stdout, new RegExp(`^wave 2 of 2: ${STATIONS - Number(done)} of 48 stations$`, "m"));
  assert.equal(took().length, STATIONS);
});

test("a station that takes a configuration back ends the rollout in its wave; one that is off is told, and gets nothing later", async () => {
  const file = join(rig.folder, "framerate.yaml");
  await writeFile(file, "threshold: 5\ncamera:\n  framerate: 5\n");
  const [, second, , off] = rig.stations;
  assert.ok(second !== undefined && off !== undefined);
  second.behaviour.plays = false;
  await off.close();
  const command = rig.arguments(["config", file], "--canary", "2", "--then", "all", "--halt-on", "rolled_back");
  const halted = await nominald([...command, "--parallel", "1"]);
  assert.equal(halted.code, 5, halted.stderr);
  assert.match(halted.stdout, /^plant\/line1\/st002 +1 .* rolled_back +.*the camera to play within 1 s/m);
  assert.match(halted.stdout, /^50 stations: 1 done, 1 rolled_back, 48 not begun$/m);
  assert.equal(rig.stations.filter(({ threshold }) => threshold === 5).length, 1);

  second.behaviour.plays = true;
  const rest = await nominald([...command, "--parallel", "8"]);
  assert.equal(rest.code, 5, rest.stderr);
  // It is the last of its wave: those that are up go first.
  assert.match(
    rest.stdout,
    /^plant\/line1\/st004 +2 .* offline +its status is not 1\n50 stations: 49 done, 1 offline$/m,
  );
  assert.match(rest.stderr, /^1 stations did not take it \(--halt-on rolled_back\)$/m);
});

test("a wrong command line for several stations says what was expected, and nothing is sent", async () => {
  const bank = (...more: string[]): Promise<{ code: number | null; stderr: string }> =>
    nominald(rig.arguments(["bank", rig.bank], ...more));
  for (const [args, expected] of [
    [[], /Expected --canary N, or --then all/],
    [["--canary", "0"], /Expected N, N% or all for --canary and --then but received 0/],
    [["--canary", "1", "--then", "120%"], /but received 120%/],
    [["--canary", "1", "--halt-on", "rain"], /for --halt-on but received "rain"/],
    [["--canary", "1", "--parallel", "0"], /Expected 1 to 64 for --parallel but received 0/],
    [["--canary", "1", "--station", "line1/st-#"], /Expected LINE\/NAME, or \+ for either, .* "line1\/st-#"/],
  ] as const) {
    const { code, stderr } = await bank(...args);
    assert.equal(code, 2);
    assert.match(stderr, expected);
  }
});
