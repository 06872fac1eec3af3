import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { childCommand } from "../../src/shared/child-command.ts";
import { ChildProcess, childEntry } from "../../src/shared/child-process.ts";
import type { ChildExit } from "../../src/shared/child-process.ts";
import type { Logger } from "../../src/shared/logger.ts";
import { isAlive, until } from "../support/until.ts";
import type { FromEcho, ToEcho } from "./echo.child.ts";

interface Echo {
  readonly child: ChildProcess<ToEcho, FromEcho>;
  readonly messages: FromEcho[];
  readonly exits: ChildExit[];
  readonly lines: { readonly fields: object; readonly message: string }[];
}

async function startEcho(t: TestContext, environment: Record<string, string> = {}, niceness?: number): Promise<Echo> {
  const [messages, exits, lines]: [FromEcho[], ChildExit[], Echo["lines"]] = [[], [], []];
  const log = (fields: object, message: string): number => lines.push({ fields, message });
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const child = new ChildProcess<ToEcho, FromEcho>({
    name: "echo",
    entry: childEntry("echo.child", import.meta.url),
    logger,
    environment,
    ...(niceness === undefined ? {} : { niceness }),
    onMessage: (message) => messages.push(message),
    onExit: (exit) => exits.push(exit),
  });
  child.start();
  t.after(() => child.close(0));
  await until("the child's first message or its end", () => messages.length + exits.length > 0);
  return { child, messages, exits, lines };
}

test("a typed array comes back from a child as it was sent", async (t) => {
  const { child, messages } = await startEcho(t);
  assert.equal(child.send({ type: "echo", data: new Uint8Array([0, 127, 255]) }), true);
  await until("the echo", () => messages.length === 2);
  const [, echo] = messages;
  assert.equal(echo?.type, "echo");
  assert.deepEqual(Uint8Array.from(echo.data), new Uint8Array([0, 127, 255]));
});

test("the process id of the host is the child's own, and its runtime's telemetry is off", async (t) => {
  const { child, messages } = await startEcho(t);
  assert.deepEqual(messages[0], { type: "ready", pid: child.pid, telemetry: "1" });
});

test("a child that is to be nicer is so with all of its threads, however nice its host is", async (t) => {
  const { child } = await startEcho(t, {}, 3);
  const plain = await startEcho(t);
  const nicenessOf = (pid: number | undefined): number[] =>
    readdirSync(`/proc/${pid}/task`).map((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
      // Field 19 of proc(5); the second one, in brackets, may have spaces.
      return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
    });
  const own = getPriority();
  const expected = Math.min(19, own + 3);
  const found = nicenessOf(child.pid);
  assert.ok(found.length > 1, "it has threads");
  assert.deepEqual([...new Set(found)], [expected]);
  assert.deepEqual([...new Set(nicenessOf(plain.child.pid))], [own]);
});

test("a child's exit is told once, after all of its last messages", async (t) => {
  const { child, messages, exits } = await startEcho(t);
  child.send({ type: "exit", code: 7, lastWords: 500 });
  await until("the exit", () => exits.length > 0);
  // One message at the start and 500 words.
  assert.equal(messages.length, 501);
  await child.close(0);
  assert.deepEqual(exits, [{ code: 7, signal: null, spawnError: null }]);
  assert.equal(child.running, false);
  assert.equal(child.send({ type: "block" }), false);
});

test("close ends a stopped child at its deadline, however often it is called", async (t) => {
  const { child, exits } = await startEcho(t);
  assert.ok(child.pid !== undefined);
  process.kill(child.pid, "SIGSTOP");
  const [first, second] = await Promise.all([child.close(50), child.close(50)]);
  assert.equal(first.signal, "SIGKILL");
  assert.deepEqual(second, first);
  assert.equal(await isAlive(child.pid), false);
  await until("the exit", () => exits.length > 0);
  assert.equal(exits.length, 1);
});

test("a child that is let go ends itself, long before the deadline would kill it", async (t) => {
  const { child } = await startEcho(t);
  assert.equal((await child.close(60_000)).signal, "SIGKILL");
});

test("a child leaves SIGINT and SIGTERM to its parent", async (t) => {
  const { child, messages } = await startEcho(t);
  assert.ok(child.pid !== undefined);
  process.kill(child.pid, "SIGINT");
  process.kill(child.pid, "SIGTERM");
  child.send({ type: "echo", data: new Uint8Array(1) });
  await until("the echo", () => messages.length === 2);
});

test("a process that cannot be started is told like an end", async (t) => {
  // The kernel takes no single variable above 128 KiB.
  const { child, exits } = await startEcho(t, { TOO_LONG: "x".repeat(200_000) });
  assert.match(String(exits[0]?.spawnError), /E2BIG/);
  assert.deepEqual(await child.close(0), exits[0]);
});

test("a child's long line is cut and a flood of lines is counted instead of logged", async (t) => {
  const { child, exits, lines } = await startEcho(t);
  child.send({ type: "print", line: "y".repeat(5_000), times: 1 });
  await until("the cut line", () => lines.length === 1);
  // 5000 characters, of which 2000 pass.
  assert.deepEqual(lines[0]?.fields, { cutCharacters: 3_000 });
  assert.equal(lines[0]?.message, `echo, stderr: ${"y".repeat(2_000)}`);
  child.send({ type: "print", line: "again", times: 10_000 });
  child.send({ type: "exit", code: 0, lastWords: 1 });
  await until("the exit", () => exits.length > 0);
  await until("the count", () => lines.some(({ message }) => message.endsWith("more lines than are logged")));
  const dropped = lines.reduce(
    (sum, { fields }) => sum + ("droppedLines" in fields ? Number(fields.droppedLines) : 0),
    0,
  );
  const logged = lines.filter(({ message }) => message.endsWith("again")).length;
  assert.equal(logged + dropped, 10_000);
});

for (const [how, mode, hasSetpriv] of [
  ["by the closed channel", "wait", false],
  ["by the kernel, while it is blocked in a call", "block", true],
] as const) {
  test(`a child ends with a killed parent: ${how}`, async (t) => {
    const script = fileURLToPath(childEntry("orphan-parent", import.meta.url));
    const options = process.execArgv.filter((option) => !option.startsWith("--test"));
    // Without a search path there is no setpriv.
    const env = { ...process.env, ...(hasSetpriv ? {} : { PATH: "" }) };
    const parent = spawn(process.execPath, [...options, script, mode], { stdio: ["ignore", "pipe", "inherit"], env });
    t.after(() => parent.kill("SIGKILL"));
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    assert.equal(await isAlive(pid), true);
    parent.kill("SIGKILL");
    await until("the end of the orphan", async () => !(await isAlive(pid)));
  });
}

test("a BusyBox setpriv, which cannot bind a child to its parent, is passed over", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "nominald-test-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "busybox"), "", { mode: 0o755 });
  await symlink("busybox", join(folder, "setpriv"));
  assert.equal(childCommand(new URL("file:///a.child.js"), folder).file, process.execPath);
});

test("options of Node that are about the parent alone do not reach a child, and the others do", () => {
  const url = new URL("../../src/shared/child-command.ts", import.meta.url).href;
  const script = `import { childCommand } from ${JSON.stringify(url)};
    console.log(JSON.stringify(childCommand(new URL("file:///a.child.js"), "").args));`;
  const options = ["--max-semi-space-size=2", "--import", "tsx", "--stack-trace-limit=20"];
  const run = spawnSync(process.execPath, [...options, "--input-type=module", "-e", script], { encoding: "utf8" });
  const args = JSON.parse(run.stdout) as string[];
  assert.ok(args.includes("tsx") && args.includes("--stack-trace-limit=20"), args.join(" "));
  assert.deepEqual(
    args.filter((arg) => arg.includes("semi")),
    [],
  );
});
