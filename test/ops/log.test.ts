import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { isJournal, withPriorities } from "../../src/ops/log.ts";

test("each line has the priority of its level, as the journal reads it", () => {
  const lines: string[] = [];
  const log = pino({ level: "debug" }, withPriorities({ write: (line) => lines.push(line) }));
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  log.fatal("e");
  assert.deepEqual(
    lines.map((line) => [line.slice(0, 4), (JSON.parse(line.slice(3)) as { msg: string }).msg]),
    [
      ["<7>{", "a"],
      ["<6>{", "b"],
      ["<4>{", "c"],
      ["<3>{", "d"],
      ["<2>{", "e"],
    ],
  );
});

test("priorities are for the journal alone: a stream that was sent elsewhere gets plain lines", () => {
  const file = join(tmpdir(), `nominald-log-${process.pid}`);
  const fd = openSync(file, "w");
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    assert.equal(isJournal(`${dev}:${ino}`, fd), true);
    assert.equal(isJournal(`${dev}:${ino + 1n}`, fd), false);
    assert.equal(isJournal(undefined, fd), false);
    assert.equal(isJournal("nonsense", fd), false);
  } finally {
    closeSync(fd);
    rmSync(file);
  }
});
