import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryOutbox } from "../../src/mqtt/outbox.ts";
import { parseResult, plcResultOf } from "../../src/mqtt/payloads.ts";
import { PictureLane } from "../../src/mqtt/picture-lane.ts";
import { RetainedValues } from "../../src/mqtt/retained-values.ts";
import { SendWindow } from "../../src/mqtt/send-window.ts";
import { outcome, pictures } from "./fixtures.ts";

const all = { result: true, record: true };
const result = (seq: number) => plcResultOf(outcome(seq), "0badcafe");

function take(outbox: MemoryOutbox): { seq: number; flags: number; key: number } {
  const message = outbox.next(all);
  assert.ok(message?.kind === "result");
  const { seq, flags } = parseResult(message.payload);
  return { seq, flags, key: message.key };
}

test("results leave before records that waited longer", () => {
  const outbox = new MemoryOutbox();
  outbox.addRecord(Buffer.from("record"));
  outbox.addResult(result(1));
  assert.equal(take(outbox).seq, 1);
  assert.equal(outbox.next({ result: true, record: false }), undefined);
  assert.equal(outbox.next(all)?.kind, "record");
});

test("a copy keeps the flag 04 of its first sending, and the loss is told once", () => {
  const outbox = new MemoryOutbox();
  for (let seq = 1; seq <= 9; seq++) outbox.addResult(result(seq));
  outbox.connected();
  assert.deepEqual({ ...take(outbox), key: 0 }, { seq: 2, flags: 0x04, key: 0 });
  outbox.disconnected();
  outbox.connected();
  assert.deepEqual({ ...take(outbox), key: 0 }, { seq: 2, flags: 0x05, key: 0 });
  assert.deepEqual({ ...take(outbox), key: 0 }, { seq: 3, flags: 0, key: 0 });
});

test("what was acknowledged does not come again", () => {
  const outbox = new MemoryOutbox();
  outbox.connected();
  outbox.addResult(result(1));
  outbox.addResult(result(2));
  outbox.acknowledged(take(outbox).key);
  take(outbox);
  assert.deepEqual([outbox.resultOpen(1), outbox.resultOpen(2)], [false, true]);
  outbox.disconnected();
  assert.deepEqual(outbox.counts(), { resultsOpen: 1, recordsOpen: 0, resultsLost: 0, recordsLost: 0 });
  assert.equal(take(outbox).seq, 2);
});

test("the memory for records is bounded, the oldest give way and are counted", () => {
  const outbox = new MemoryOutbox();
  for (let seq = 1; seq <= 1_003; seq++) outbox.addRecord(Buffer.from(String(seq)));
  assert.deepEqual([outbox.counts().recordsOpen, outbox.counts().recordsLost], [1_000, 3]);
  assert.equal(outbox.next(all)?.payload.toString(), "4");
});

test("a retained value that was replaced before it could leave is never sent", () => {
  const values = new RetainedValues();
  const urgent = { qos: 1 as const, urgent: true };
  values.set("plc/state", "3", urgent);
  values.set("plc/state", "4", urgent);
  assert.equal(values.next({ urgent: false, qos1: true }), undefined);
  assert.equal(values.next({ urgent: true, qos1: false }), undefined, "no room for what must be acknowledged");
  assert.equal(values.next({ urgent: true, qos1: true })?.payload, "4");
  assert.equal(values.next({ urgent: true, qos1: true }), undefined);
  values.set("plc/state", "4", urgent);
  assert.equal(values.next({ urgent: true, qos1: true }), undefined, "the broker has this value");
  values.forgetSent();
  assert.equal(values.next({ urgent: true, qos1: true })?.payload, "4");
});

test("only one part's pictures are under way: the next leave when something sent after them was answered", () => {
  const lane = new PictureLane();
  const ready = () => true;
  lane.add(pictures(1));
  lane.add(pictures(2));
  assert.equal(
    lane.next(5, () => false),
    undefined,
    "its own result is not acknowledged",
  );
  assert.equal(lane.next(5, ready)?.seq, 1);
  lane.acknowledged(5);
  assert.equal(lane.next(6, ready), undefined, "message 5 was sent before the pictures and says nothing of them");
  lane.acknowledged(6);
  assert.equal(lane.next(6, ready)?.seq, 2);
});

test("of the pictures that wait the newest two are kept, and none over a lost connection", () => {
  const lane = new PictureLane();
  for (const seq of [1, 2, 3]) lane.add(pictures(seq));
  assert.equal(lane.dropped, 1);
  assert.equal(lane.next(0, () => true)?.seq, 2);
  lane.disconnected();
  assert.equal(lane.dropped, 2);
  lane.add(pictures(4));
  assert.equal(lane.next(0, () => true)?.seq, 4, "the new connection owes nothing for the old one");
});

test("records leave half of the room to results, and a broker that allows one message gets one", () => {
  const window = new SendWindow();
  window.open(4);
  window.sent(true, 0);
  window.sent(true, 0);
  assert.deepEqual([window.hasRoom, window.hasRoomForRecord], [true, false]);
  window.sent(false, 10);
  const last = window.sent(false, 20);
  assert.equal(window.hasRoom, false);
  assert.equal(window.oldestWaitMs(100), 100);
  window.answered(last);
  assert.equal(window.hasRoom, true);
  window.open(1);
  assert.deepEqual([window.hasRoom, window.hasRoomForRecord, window.sentCount], [true, true, 0]);
  assert.equal(window.sent(true, 0), 1);
  assert.deepEqual([window.hasRoom, window.oldestWaitMs(5)], [false, 5]);
});
