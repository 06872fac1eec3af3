import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { ClockSync } from "../../src/ops/clock-sync.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { until } from "../support/until.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-clock-"));
});
after(() => rm(folder, { recursive: true }));

/** A program in place of timedatectl, since a container has no systemd that it could ask. */
async function program(name: string, script: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

function clockSync(
  t: TestContext,
  command: string,
  more: { markerFile?: string; deadlineMs?: number } = {},
): ClockSync {
  const markerFile = join(folder, "no-marker");
  const sync = new ClockSync({ logger: silentLogger, command, markerFile, ...more });
  t.after(() => sync.close());
  return sync;
}

test("what systemd says of the kernel's clock is the state", async (t) => {
  const yes = clockSync(
    t,
    await program("yes", '[ "$*" = "show --property=NTPSynchronized" ] && echo NTPSynchronized=yes'),
  );
  assert.equal(yes.state, "unknown");
  await yes.look();
  assert.equal(yes.state, "synchronised");
  const no = clockSync(t, await program("no", "echo NTPSynchronized=no"), { markerFile: folder });
  await no.look();
  assert.equal(no.state, "unsynchronised");
});

test("without an answer the state is unknown, unless timesyncd left its mark", async (t) => {
  const commands = [
    join(folder, "not-installed"),
    await program("no-systemd", "echo NTPSynchronized=yes; echo System has not been booted with systemd >&2; exit 1"),
    await program("nonsense", "echo NTPSynchronized=perhaps"),
  ];
  for (const command of commands) {
    const sync = clockSync(t, command);
    await sync.look();
    assert.equal(sync.state, "unknown", command);
    const marked = clockSync(t, command, { markerFile: folder });
    await marked.look();
    assert.equal(marked.state, "synchronised", command);
  }
});

test("a program that hangs is ended at the deadline", async (t) => {
  const sync = clockSync(t, await program("hangs", "exec sleep 600"), { deadlineMs: 50 });
  await sync.look();
  assert.equal(sync.state, "unknown");
});

test("a clock that loses its reference is seen at a later look, and closing ends the looks and the program", async (t) => {
  const marker = join(folder, "synchronised-once");
  const script = `if [ -e '${marker}' ]; then echo NTPSynchronized=no; else touch '${marker}'; echo NTPSynchronized=yes; fi`;
  const command = await program("changes", script);
  const sync = new ClockSync({ logger: silentLogger, command, markerFile: join(folder, "none"), everyMs: 20 });
  t.after(() => sync.close());
  sync.start();
  sync.start();
  await until("the loss of the reference", () => sync.state === "unsynchronised");

  const hanging = new ClockSync({ logger: silentLogger, command: await program("hangs", "exec sleep 600") });
  const looked = hanging.look();
  hanging.close();
  hanging.close();
  await looked;
  hanging.start();
  assert.equal(hanging.state, "unknown");
});
