import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { keysCommand } from "../../src/cli/keys.ts";

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await keysCommand(args, { out: (line) => out.push(line), err: (line) => err.push(line) });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

test("a key is made, trusted, listed and revoked", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "nominald-cli-keys-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const key = join(folder, "office.key");
  const state = join(folder, "state");
  assert.equal((await run("generate", "--out", key)).code, 0);
  assert.equal(statSync(key).mode & 0o777, 0o600);
  const secret = readFileSync(key, "utf8");
  await assert.rejects(run("generate", "--out", key), {
    code: "key-write",
    message: /there is one already/,
  });
  assert.equal(readFileSync(key, "utf8"), secret);

  assert.match((await run("list", "--state", state)).out, /no key is trusted: every push is refused/);
  const trusted = await run("trust", `${key}.pub`, "--state", state, "--role", "config", "--label", "office");
  assert.equal(trusted.code, 0);
  const keyId = /key ([0-9a-f]{16})/.exec(trusted.out)?.[1] ?? "";
  const listed = await run("list", "--state", state);
  assert.match(listed.out, new RegExp(`^${keyId}  config .* trusted  office\npushes are armed$`));
  const json = JSON.parse((await run("list", "--state", state, "--json")).out) as { armed: boolean };
  assert.equal(json.armed, true);

  rmSync(join(state, "keys", "counters.json"));
  assert.match((await run("list", "--state", state)).out, /pushes are refused: .*counters.json is not there/);
  // Trusting one more key must not arm by the way what a person has to look into.
  await run("generate", "--out", join(folder, "b.key"));
  await run("trust", join(folder, "b.key.pub"), "--state", state, "--role", "bank");
  assert.equal(existsSync(join(state, "keys", "counters.json")), false);
  assert.match((await run("rearm", "--state", state)).out, /armed again/);
  assert.match((await run("rearm", "--state", state)).out, /nothing was changed/);

  assert.equal((await run("revoke", keyId, "--state", state)).code, 0);
  assert.match((await run("list", "--state", state)).out, new RegExp(`${keyId}.*revoked 20`));
});

test("a wrong command line says what was expected", async () => {
  for (const args of [
    [],
    ["sign"],
    ["generate"],
    ["trust", "a.pub", "--state", "s"],
    ["trust", "a.pub", "--role", "all", "--state", "s"],
    ["trust", "a.pub", "--role", "bank"],
    ["revoke", "--state", "s"],
    ["list"],
  ]) {
    const { code, err } = await run(...args);
    assert.equal(code, 2, args.join(" "));
    assert.match(err, /^Expected .*\n\nusage:/, args.join(" "));
  }
});
