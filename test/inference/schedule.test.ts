import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CREDITS, Schedule, type ScoreTicket } from "../../src/inference/schedule.ts";

interface Ticket extends ScoreTicket {
  readonly id: number;
}

/** A frame of a test that takes one unit of time: it arrives at `at` and must have been scored by `at + within`. */
interface Frame {
  readonly station: string;
  readonly at: number;
  readonly within: number | null;
}

interface Served {
  readonly ticket: Ticket;
  /** When it was done. */
  readonly atMs: number;
}

/** One server, one unit of time a frame; at each moment what arrives comes before what is taken. */
function simulate(frames: readonly Frame[]): { served: Served[]; refused: Ticket[] } {
  const schedule = new Schedule<Ticket>();
  const served: Served[] = [];
  const refused: Ticket[] = [];
  const end = Math.max(0, ...frames.map(({ at }) => at)) + frames.length + 1;
  for (let now = 0; now <= end; now++) {
    for (const [id, { station, at, within }] of frames.entries()) {
      if (at !== now) continue;
      const gaveWay = schedule.add({ id, station, deadlineAtMs: within === null ? null : at + within });
      if (gaveWay !== null) refused.push(gaveWay);
    }
    // What is taken now is done a unit later: what is due at that moment is still in time.
    const ticket = schedule.take(now);
    if (ticket !== undefined) served.push({ ticket, atMs: now + 1 });
  }
  assert.equal(schedule.size, 0);
  return { served, refused };
}

const station = fc.constantFrom("a", "b", "c", "d");
const frame = fc.record({
  station,
  at: fc.nat({ max: 30 }),
  within: fc.option(fc.integer({ min: 1, max: 40 }), { nil: null }),
});

/** Whether each frame can have a unit of time of its own between its arrival and its deadline (Kuhn's matching). */
function isFeasible(frames: readonly { readonly at: number; readonly within: number }[]): boolean {
  const taken = new Map<number, number>();
  const place = (id: number, seen: Set<number>): boolean => {
    const { at = 0, within = 0 } = frames[id] ?? {};
    for (let slot = at; slot < at + within; slot++) {
      if (seen.has(slot)) continue;
      seen.add(slot);
      const other = taken.get(slot);
      if (other === undefined || place(other, seen)) {
        taken.set(slot, id);
        return true;
      }
    }
    return false;
  };
  return frames.every((_, id) => place(id, new Set()));
}

test("every frame is served once or refused once", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 60 }), (frames) => {
      const { served, refused } = simulate(frames);
      const ids = [...served.map(({ ticket }) => ticket.id), ...refused.map(({ id }) => id)].sort((a, b) => a - b);
      assert.deepEqual(
        ids,
        frames.map((_, id) => id),
      );
    }),
  );
});

test("a frame of each station: all deadlines are kept whenever any order keeps them", () => {
  const bounded = fc.record({ at: fc.nat({ max: 12 }), within: fc.integer({ min: 1, max: 12 }) });
  let feasible = 0;
  fc.assert(
    fc.property(fc.array(bounded, { minLength: 1, maxLength: 12 }), (frames) => {
      if (!isFeasible(frames)) return;
      feasible++;
      const { served } = simulate(frames.map((one, id) => ({ ...one, station: `s${id}` })));
      for (const { ticket, atMs } of served) assert.ok(atMs <= (ticket.deadlineAtMs ?? 0), `frame ${ticket.id}`);
    }),
    { numRuns: 1_000 },
  );
  assert.ok(feasible > 100, `${feasible} sets were feasible`);
});

test("of S stations no frame is overtaken by more than S + 1 that came later", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 80 }), (frames) => {
      const { served } = simulate(frames);
      const stations = new Set(frames.map((one) => one.station)).size;
      for (const [place, { ticket }] of served.entries()) {
        const came = (other: Ticket): number => (frames[other.id]?.at ?? 0) * 1_000 + other.id;
        const overtakers = served.slice(0, place).filter((other) => came(other.ticket) > came(ticket));
        assert.ok(overtakers.length <= stations + 1, `frame ${ticket.id} was overtaken ${overtakers.length} times`);
      }
    }),
    { numRuns: 500 },
  );
});

test("a station that floods with the shortest deadlines leaves the others their share", () => {
  const schedule = new Schedule<Ticket>();
  const counts = new Map<string, number>();
  const refill = (name: string, within: number, now: number): void => {
    schedule.add({ id: now, station: name, deadlineAtMs: now + within });
  };
  const waiting = new Set<string>();
  let refused = 0;
  for (let now = 0; now < 600; now++) {
    // The flood has as many waiting as it may at each moment; the others one each, with a deadline far away.
    if (schedule.add({ id: now, station: "flood", deadlineAtMs: now + 1 }) !== null) refused++;
    if (schedule.add({ id: now, station: "flood", deadlineAtMs: now + 1 }) !== null) refused++;
    for (const name of ["a", "b"].filter((other) => !waiting.has(other))) {
      refill(name, 10_000, now);
      waiting.add(name);
    }
    const ticket = schedule.take(now);
    assert.ok(ticket !== undefined);
    waiting.delete(ticket.station);
    counts.set(ticket.station, (counts.get(ticket.station) ?? 0) + 1);
  }
  // Each of the others waits for two of the flood and one of its fellow at most: a fifth at the very least.
  assert.ok((counts.get("a") ?? 0) >= 120 && (counts.get("b") ?? 0) >= 120, JSON.stringify([...counts]));
  assert.ok(refused > 0);
});

test("a frame that is late already comes after those that need not be, and one without a deadline last", () => {
  const schedule = new Schedule<Ticket>();
  schedule.add({ id: 1, station: "a", deadlineAtMs: null });
  schedule.add({ id: 2, station: "b", deadlineAtMs: 5 });
  schedule.add({ id: 3, station: "c", deadlineAtMs: 20 });
  schedule.add({ id: 4, station: "d", deadlineAtMs: 15 });
  assert.deepEqual(
    [10, 10, 10, 10, 10].map((now) => schedule.take(now)?.id),
    [4, 3, 2, 1, undefined],
  );
});

test("a station has its credits: beyond them its oldest frame gives way, but first one that nobody waits for", () => {
  const schedule = new Schedule<Ticket>();
  const add = (id: number, deadlineAtMs: number | null) => schedule.add({ id, station: "a", deadlineAtMs })?.id;
  assert.equal(CREDITS, 2);
  assert.deepEqual([add(1, 10), add(2, null)], [undefined, undefined]);
  assert.equal(add(3, 20), 2);
  assert.equal(add(4, 30), 1);
  assert.equal(schedule.add({ id: 5, station: "b", deadlineAtMs: 40 }), null);
  assert.equal(schedule.size, 3);
});
