import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const EXAMPLE = fileURLToPath(new URL("../../config/example.yaml", import.meta.url));

/** What a pipe holds on Linux, bytes. */
const PIPE_BYTES = 65_536;

/** Runs the program by a shell, with what stands behind it: "> FILE" or "| READER". */
async function shell(args: string, behind: string): Promise<string> {
  const line = `set -o pipefail; "${process.execPath}" --import tsx "${MAIN}" ${args} ${behind}`;
  const { stdout } = await promisify(execFile)("bash", ["-c", line], { maxBuffer: 1e8 });
  return stdout;
}

/** A configuration that takes more than a pipe to print. */
async function longConfiguration(folder: string): Promise<string> {
  const path = join(folder, "long.yaml");
  const text = await readFile(EXAMPLE, "utf8");
  const station = text.slice(text.indexOf("\nstations:\n") + "\nstations:\n".length).trimEnd();
  assert.match(station, /^ {4}name: washers$/m);
  const more = Array.from({ length: 60 }, (_, i) => station.replace("    name: washers\n", `    name: washers-${i}\n`));
  await writeFile(path, `${text.trimEnd()}\n${more.join("\n")}\n`);
  return path;
}

test("a reader that is slower than the program still gets all that it prints", { timeout: 120_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "nominald-pipe-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = await longConfiguration(folder);
  const whole = join(folder, "whole.txt");
  await shell(`config print --origin "${path}"`, `> "${whole}"`);
  const expected = await readFile(whole, "utf8");
  assert.ok(expected.length > PIPE_BYTES, `${expected.length} bytes fit into a pipe, so that no reader is too slow`);

  // The first byte shows that printing has begun; a program that does not wait has ended a second later.
  const heard = await shell(`config print --origin "${path}"`, "| { dd bs=1 count=1 status=none; sleep 1; cat; }");
  assert.equal(heard, expected);
});

test("a reader that goes away early ends the program without a word", { timeout: 120_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "nominald-pipe-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = await longConfiguration(folder);
  const said = join(folder, "stderr.txt");
  assert.match(
    await shell(`config print --origin "${path}" 2> "${said}"`, "| { dd bs=1 count=1 status=none; }"),
    /^.$/,
  );
  assert.equal(await readFile(said, "utf8"), "");
});
