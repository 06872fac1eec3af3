import assert from "node:assert/strict";
import { test } from "node:test";
import type { JournalPart } from "../../src/mqtt/journal.ts";
import { MemoryJournal } from "../../src/mqtt/journal.ts";
import { Outbox } from "../../src/mqtt/outbox.ts";
import { formatResult, parseResult, plcResultOf } from "../../src/mqtt/payloads.ts";
import { PictureLane } from "../../src/mqtt/picture-lane.ts";
import { RetainedValues } from "../../src/mqtt/retained-values.ts";
import { SendWindow } from "../../src/mqtt/send-window.ts";
import { outcome, pictures } from "./fixtures.ts";

const all = { result: true, record: true };
const result = (seq: number) => plcResultOf(outcome(seq), "0badcafe");
/** Of a station whose parts a PLC announces. */
const announced = (seq: number, session = "s1") => plcResultOf(outcome(seq, { session }), "0badcafe");

function take(outbox: Outbox): { seq: number; flags: number; key: number } {
  const message = outbox.next(all, 0);
  assert.ok(message?.kind === "result" && typeof message.payload === "string");
  const { seq, flags } = parseResult(message.payload);
  return { seq, flags, key: message.key };
}

test("results leave before records that waited longer", () => {
  const outbox = new Outbox();
  outbox.connected();
  outbox.addRecord(Buffer.from("record"));
  outbox.addResult(result(1), 1);
  assert.equal(take(outbox).seq, 1);
  assert.equal(outbox.next({ result: true, record: false }, 0), undefined);
  assert.equal(outbox.next(all, 0)?.kind, "record");
});

test("a copy keeps the flag 04 of its first sending, and the loss is told once", () => {
  const outbox = new Outbox();
  for (let seq = 1; seq <= 9; seq++) outbox.addResult(result(seq), seq);
  outbox.connected();
  assert.deepEqual({ ...take(outbox), key: 0 }, { seq: 2, flags: 0x04, key: 0 });
  outbox.disconnected();
  outbox.connected();
  assert.deepEqual({ ...take(outbox), key: 0 }, { seq: 2, flags: 0x05, key: 0 });
  assert.deepEqual({ ...take(outbox), key: 0 }, { seq: 3, flags: 0, key: 0 });
});

test("what was acknowledged does not come again", () => {
  const outbox = new Outbox();
  outbox.connected();
  outbox.addResult(result(1), 1);
  outbox.addResult(result(2), 2);
  outbox.acknowledged(take(outbox).key);
  take(outbox);
  assert.deepEqual([outbox.resultOpen(1), outbox.resultOpen(2)], [false, true]);
  outbox.disconnected();
  assert.deepEqual(outbox.counts(), { resultsOpen: 1, recordsOpen: 0, resultsLost: 0, recordsLost: 0 });
  assert.equal(take(outbox).seq, 2);
});

test("the history is bounded, the oldest records give way and are counted, and it leaves at its rate", async () => {
  const outbox = new Outbox(undefined, { largest: 1_000, perSecond: 20 });
  for (let seq = 1; seq <= 1_003; seq++) outbox.addRecord(Buffer.from(String(seq)));
  assert.deepEqual([outbox.counts().recordsOpen, outbox.counts().recordsLost], [1_000, 3]);
  outbox.connected();
  const next = (nowMs: number): string | undefined => {
    const message = outbox.next(all, nowMs);
    return message === undefined ? undefined : Buffer.from(message.payload).toString();
  };
  assert.equal(next(0), undefined, "it is being fetched");
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(next(0), "4");
  assert.equal(next(49), undefined);
  outbox.addRecord(Buffer.from("fresh"));
  assert.equal(next(49), "fresh");
  assert.equal(outbox.historyDueMs, 50);
  assert.equal(next(50), "5");
  // The limits may change at work: 10 of a thousand stay, and leave at 1,000 a second.
  outbox.disconnected();
  outbox.configure({ largest: 10, perSecond: 1_000 });
  assert.equal(outbox.counts().recordsOpen, 10);
});

test("records that the connection lost are history, in their order", async () => {
  const outbox = new Outbox();
  outbox.connected();
  for (const text of ["a", "b", "c"]) outbox.addRecord(Buffer.from(text));
  outbox.acknowledged(outbox.next(all, 0)?.key ?? 0);
  outbox.next(all, 0);
  outbox.disconnected();
  assert.equal(outbox.counts().recordsOpen, 2);
  outbox.connected();
  outbox.next(all, 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(Buffer.from(outbox.next(all, 0)?.payload ?? "").toString(), "b");
});

/** A disk whose writes end when the test says so. */
class SlowJournal extends MemoryJournal {
  readonly waiting: ((durable: boolean) => void)[] = [];
  readonly removed: number[] = [];

  override saveResult(_part: JournalPart, _key: number, _payload: string, done: (durable: boolean) => void): void {
    this.waiting.push(done);
  }

  override restampResult(part: JournalPart, key: number, payload: string, done: (durable: boolean) => void): void {
    this.saveResult(part, key, payload, done);
  }

  override remove(keys: readonly number[]): void {
    this.removed.push(...keys);
  }
}

test("a result leaves once it is on the disk, and without a disk with flag 10", () => {
  const journal = new SlowJournal();
  const outbox = new Outbox(journal);
  outbox.connected();
  outbox.addResult(result(1), 1);
  outbox.addResult(result(2), 2);
  assert.equal(outbox.next(all, 0), undefined);
  journal.waiting.shift()?.(true);
  assert.deepEqual({ ...take(outbox), key: 0 }, { seq: 1, flags: 0, key: 0 });
  assert.equal(outbox.next(all, 0), undefined);
  journal.waiting.shift()?.(false);
  assert.deepEqual({ ...take(outbox), key: 0 }, { seq: 2, flags: 0x10, key: 0 });
});

test("flag 04 is on the disk before the result that carries it leaves", () => {
  const journal = new SlowJournal();
  const outbox = new Outbox(journal);
  for (let seq = 1; seq <= 9; seq++) outbox.addResult(result(seq), seq);
  for (const done of journal.waiting.splice(0, 8)) done(true);
  assert.deepEqual(journal.removed, [1]);
  outbox.connected();
  assert.equal(outbox.next(all, 0), undefined, "result 2 is written anew");
  for (const done of journal.waiting.splice(0)) done(true);
  assert.deepEqual([take(outbox).flags, take(outbox).flags], [0x04, 0]);
});

test("what a former run left is sent as copies, and a repeated trigger gets its stored result", () => {
  const outbox = new Outbox();
  outbox.restore({
    nextKey: 40,
    messages: [
      // Its session ended with the former run: stale.
      { key: 38, payload: formatResult(result(4)) },
      { key: 39, payload: formatResult(announced(7)) },
    ],
    answered: [3, 7].map((seq) => ({ session: "s1", seq, payload: formatResult(announced(seq)) })),
  });
  outbox.connected();
  assert.deepEqual(take(outbox), { seq: 7, flags: 0x01, key: 39 });
  outbox.resultAgain("s1", 7);
  assert.equal(outbox.next(all, 0), undefined, "it is on its way");
  outbox.acknowledged(39);
  outbox.resultAgain("s1", 7);
  assert.deepEqual({ ...take(outbox), key: 0 }, { seq: 7, flags: 0x01, key: 0 });
  outbox.resultAgain("s1", 3);
  assert.deepEqual({ ...take(outbox), key: 0 }, { seq: 3, flags: 0x01, key: 0 });
  outbox.resultAgain("s1", 4);
  assert.equal(outbox.next(all, 0), undefined, "nobody knows of it");
});

test("results of a PLC that acknowledges are kept until it does, and sent again after a reconnect", () => {
  const journal = new SlowJournal();
  const outbox = new Outbox(journal);
  outbox.connected();
  const send = (seq: number, session = "s1"): void => {
    outbox.addResult(announced(seq, session), seq);
    for (const done of journal.waiting.splice(0)) done(true);
    outbox.acknowledged(take(outbox).key);
  };
  send(1);
  assert.deepEqual(journal.removed, [1], "nobody said that this PLC acknowledges");
  assert.equal(outbox.acknowledgedByPlc("s1", 1), true);
  assert.equal(outbox.acknowledgedByPlc("s1", 99), false);
  send(2);
  send(3);
  assert.equal(outbox.acknowledgedByPlc("s1", 2), true);
  assert.deepEqual(journal.removed, [1, 2]);
  outbox.disconnected();
  outbox.connected();
  assert.deepEqual(take(outbox), { seq: 3, flags: 0x01, key: 3 });
  outbox.acknowledged(3);
  // Nine are unacknowledged: the oldest is lost, and the next result says so.
  for (let seq = 4; seq <= 11; seq++) send(seq);
  assert.equal(outbox.counts().resultsLost, 1);
  outbox.addResult(announced(12), 12);
  for (const done of journal.waiting.splice(0)) done(true);
  assert.equal(take(outbox).flags, 0x04);
});

test("a PLC that begins a new session is sent nothing of the old one again", () => {
  const outbox = new Outbox();
  outbox.connected();
  outbox.acknowledgedByPlc("s1", 1);
  outbox.addResult(announced(2), 2);
  outbox.acknowledged(take(outbox).key);
  outbox.addResult(announced(1, "s2"), 3);
  outbox.acknowledged(take(outbox).key);
  outbox.disconnected();
  outbox.connected();
  assert.equal(take(outbox).seq, 1);
  assert.equal(outbox.next(all, 0), undefined);
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

test("only one part's pictures are under way: the next leave when the broker is through with them", () => {
  const lane = new PictureLane();
  const ready = () => true;
  lane.add(pictures(1));
  lane.add(pictures(2));
  assert.equal(
    lane.next(() => false),
    undefined,
    "its own result is not acknowledged",
  );
  assert.equal(lane.next(ready)?.seq, 1);
  assert.equal(lane.next(ready), undefined);
  lane.through();
  assert.equal(lane.next(ready)?.seq, 2);
});

test("of the pictures that wait the newest two are kept, and none over a lost connection", () => {
  const lane = new PictureLane();
  for (const seq of [1, 2, 3]) lane.add(pictures(seq));
  assert.equal(lane.dropped, 1);
  assert.equal(lane.next(() => true)?.seq, 2);
  lane.disconnected();
  assert.equal(lane.dropped, 2);
  lane.add(pictures(4));
  assert.equal(lane.next(() => true)?.seq, 4, "the new connection owes nothing for the old one");
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
  assert.deepEqual([window.hasRoom, window.hasRoomForRecord], [true, true]);
  assert.equal(window.sent(true, 0), 1);
  assert.deepEqual([window.hasRoom, window.oldestWaitMs(5)], [false, 5]);
});
