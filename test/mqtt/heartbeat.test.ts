import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Heartbeat } from "../../src/mqtt/heartbeat.ts";
import type { PlcState } from "../../src/station/plc-state.ts";

function heartbeatOf(t: TestContext) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const sent: string[] = [];
  const station = { state: "1" as PlcState, beats: 0 };
  const connection = {
    up: true,
    backedUp: false,
    publish: (topic: string, payload: string | Buffer, { qos }: { qos?: number }) =>
      void sent.push(`${topic} ${qos} ${payload.toString()}`),
  };
  const heartbeat = new Heartbeat({
    ...{ topic: "plc/hb", connection, everyMs: 1_000, plcState: () => station.state },
    onBeat: () => void station.beats++,
  });
  const beats = (count: number): void => {
    for (let i = 0; i < count; i++) t.mock.timers.tick(1_000);
  };
  return { heartbeat, connection, station, sent, beats };
}

test("each beat says the next number and how the station is by then, and is never retained", (t) => {
  const { heartbeat, station, sent, beats } = heartbeatOf(t);
  heartbeat.start();
  heartbeat.start();
  beats(1);
  station.state = "5";
  beats(1);
  assert.deepEqual(sent, ["plc/hb 0 0000000001;1", "plc/hb 0 0000000002;5"]);
  heartbeat.stop();
  heartbeat.stop();
  beats(3);
  assert.deepEqual([sent.length, station.beats], [2, 2]);
});

test("beats of an outage, or to a slow broker, are counted and leave a gap of their length", (t) => {
  const { heartbeat, connection, station, sent, beats } = heartbeatOf(t);
  heartbeat.start();
  beats(1);
  connection.up = false;
  beats(2);
  connection.up = true;
  connection.backedUp = true;
  beats(1);
  connection.backedUp = false;
  beats(1);
  assert.deepEqual(sent, ["plc/hb 0 0000000001;1", "plc/hb 0 0000000005;1"]);
  assert.deepEqual([heartbeat.skipped, station.beats], [3, 5], "whoever looks at each beat looks then, too");
  heartbeat.stop();
});
