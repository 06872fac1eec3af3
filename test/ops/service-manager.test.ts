import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createSocket } from "unix-dgram";
import { ServiceManager, takeServiceManager } from "../../src/ops/service-manager.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/until.ts";

/** A notify socket as systemd has one. */
async function notifySocket(t: TestContext): Promise<{ path: string; heard: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-notify-"));
  const path = join(folder, "notify");
  const heard: string[] = [];
  const socket = createSocket("unix_dgram", (message) => heard.push(message.toString()));
  socket.bind(path);
  t.after(async () => {
    socket.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { path, heard };
}

test("what systemd asked is taken out of the environment, so that no child takes itself for the service", () => {
  const environment = { NOTIFY_SOCKET: "/run/systemd/notify", WATCHDOG_USEC: "30000000", WATCHDOG_PID: "42", A: "b" };
  assert.deepEqual(takeServiceManager(environment, 42), { socket: "/run/systemd/notify", watchdogMs: 30_000 });
  assert.deepEqual(environment, { A: "b" });
});

test("the watchdog of another process, and one of no time, is none of ours", () => {
  const socket = { NOTIFY_SOCKET: "/n" };
  assert.equal(takeServiceManager({ ...socket, WATCHDOG_USEC: "1000", WATCHDOG_PID: "1" }, 2)?.watchdogMs, null);
  assert.equal(takeServiceManager({ ...socket, WATCHDOG_USEC: "0" }, 2)?.watchdogMs, null);
  assert.equal(takeServiceManager({ ...socket, WATCHDOG_USEC: "1000" }, 2)?.watchdogMs, 1);
  assert.equal(takeServiceManager({ ...socket }, 2)?.watchdogMs, null);
});

test("without a socket there is no service manager", () => {
  assert.equal(takeServiceManager({}, 1), null);
  assert.equal(takeServiceManager({ NOTIFY_SOCKET: "" }, 1), null);
});

test("a reload is announced with the time of its beginning, as systemd wants it", async (t) => {
  const { path, heard } = await notifySocket(t);
  const manager = new ServiceManager({ socket: path, watchdogMs: null }, silentLogger);
  const before = process.hrtime.bigint() / 1_000n;
  manager.reloading();
  manager.ready();
  await until("both messages", () => heard.length === 2);
  const [, microseconds = ""] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)\n$/.exec(heard[0] ?? "") ?? [];
  assert.ok(BigInt(microseconds) >= before && BigInt(microseconds) <= process.hrtime.bigint() / 1_000n, heard[0]);
  assert.equal(heard[1], "READY=1\n");
  manager.close();
});

test("ready, state, life and stop arrive as systemd reads them, a state only when it has changed", async (t) => {
  const { path, heard } = await notifySocket(t);
  const manager = new ServiceManager({ socket: path, watchdogMs: 1_000 }, silentLogger);
  manager.ready();
  manager.status("line1/st1\nready");
  manager.status("line1/st1 ready");
  manager.alive();
  manager.stopping();
  await until("all messages", () => heard.length === 4);
  assert.deepEqual(heard, ["READY=1\n", "STATUS=line1/st1 ready\n", "WATCHDOG=1\n", "STOPPING=1\n"]);
  manager.close();
  manager.close();
  manager.ready();
});

test("a service manager that is gone is told once, and nothing else happens", async (t) => {
  const log = new KeptLog();
  const manager = new ServiceManager({ socket: "/nonexistent/notify", watchdogMs: null }, log);
  t.after(() => manager.close());
  manager.ready();
  manager.alive();
  await until("the warning", () => log.lines.length > 0);
  manager.alive();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(
    log.lines.map(({ level }) => level),
    ["warn"],
  );
});
