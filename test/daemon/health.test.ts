import assert from "node:assert/strict";
import { test } from "node:test";
import { healthAnswer, readinessAnswer, readinessOf, type StationCondition } from "../../src/daemon/health.ts";
import type { StateDocument } from "../../src/mqtt/state-document.ts";
import { FAULTS } from "../../src/station/faults.ts";
import { REASONS } from "../../src/station/reasons.ts";

const CAMERA_LOST: StateDocument["faults"][number] = {
  ...{ name: "camera-lost", since: "2026-01-01T00:00:00.000Z", detail: "no /dev/video99" },
  ...REASONS["camera-lost"],
  ...{ stops: FAULTS["camera-lost"].stops, see: FAULTS["camera-lost"].see },
};

/** Only what readiness looks at. */
function condition(
  state: Partial<Pick<StateDocument, "plcState" | "paused" | "camera" | "faults">>,
  broker: StationCondition["broker"] = { state: "connected", problem: null },
): StationCondition {
  const camera = { source: "test", state: "playing", launch: null, restarts: 0 } as const;
  const whole = { plcState: "3", paused: false, camera, faults: [], ...state } as unknown as StateDocument;
  return { id: "line1/st1", state: whole, broker };
}

test("health is the daemon's own: 200, or 503 with what is stuck", () => {
  assert.equal(healthAnswer(null, "0badcafe").status, 200);
  const stuck = healthAnswer("the database has not answered for 61 s", "0badcafe");
  assert.equal(stuck.status, 503);
  assert.match(stuck.body, /the database has not answered for 61 s/);
});

test("a station that is ready, busy or continuous is ready; in any other state it says why not", () => {
  const states = ["1", "2", "3", "4", "5", "8", "9"] as const;
  const ready = states.filter((plcState) => readinessOf(condition({ plcState })).ready);
  assert.deepEqual(ready, ["3", "4", "5"]);
  assert.deepEqual(readinessOf(condition({ plcState: "2" })).because, ["the station is initialising"]);
  assert.deepEqual(readinessOf(condition({ plcState: "8", faults: [CAMERA_LOST] })).because, [
    "0101 The camera delivers no frames (no /dev/video99). " +
      "Check power, cable and network of the camera; the station reconnects by itself",
  ]);
  assert.match(readinessOf(condition({ plcState: "9", paused: true })).because[0] ?? "", /paused: cmd\/resume/);
  const ended = { source: "folder", state: "ended", launch: null, restarts: 0 } as const;
  assert.match(readinessOf(condition({ plcState: "9", camera: ended })).because[0] ?? "", /source has ended/);
});

test("a station whose verdicts reach nobody is not ready", () => {
  const problem = { kind: "refused", message: "Expected a connection", sinceWallMs: 0 } as never;
  const { ready, because } = readinessOf(condition({}, { state: "waiting", problem }));
  assert.equal(ready, false);
  assert.deepEqual(because, ["no connection to the broker: Expected a connection"]);
});

test("the device is ready when every station is", () => {
  const whole = readinessAnswer([condition({}), condition({})]);
  assert.equal(whole.status, 200);
  const one = readinessAnswer([condition({}), condition({ plcState: "8" })]);
  assert.equal(one.status, 503);
  const { stations } = JSON.parse(one.body) as { stations: { ready: boolean }[] };
  assert.deepEqual(
    stations.map(({ ready }) => ready),
    [true, false],
  );
});
