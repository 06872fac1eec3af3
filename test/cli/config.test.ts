import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { configCommand } from "../../src/cli/config.ts";
import { configJsonSchema } from "../../src/config/json-schema.ts";

const EXAMPLE = fileURLToPath(new URL("../../config/example.yaml", import.meta.url));

async function run(args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await configCommand(args, { out: (line) => out.push(line), err: (line) => err.push(line) }, env);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

test("config check names the stations of a valid file", async () => {
  const { code, out, err } = await run(["check", EXAMPLE]);
  assert.equal(code, 0);
  assert.match(out, /is valid: 1 station, line1\/washers$/);
  assert.equal(err, "");
});

test("config check throws a configuration error, which ends the program with its own exit code", async () => {
  await assert.rejects(run(["check", EXAMPLE], { NOMINALD_LOG_LEVEL: "loud" }), {
    faultClass: "config",
    code: "config-invalid",
  });
  await assert.rejects(run(["check", "/nonexistent.yaml"]), { faultClass: "config", code: "config-unreadable" });
});

test("config print shows origins only when asked", async () => {
  assert.doesNotMatch((await run(["print", EXAMPLE])).out, /# (file|default)/);
  assert.match((await run(["print", EXAMPLE, "--origin"])).out, /# file/);
  assert.match((await run(["print", "--origin", EXAMPLE])).out, /# default/);
});

test("config schema prints the JSON Schema", async () => {
  assert.deepEqual(JSON.parse((await run(["schema"])).out), JSON.parse(JSON.stringify(configJsonSchema())));
});

test("a wrong command line is answered with the usage and exit code 2", async () => {
  for (const args of [
    [],
    ["chek", EXAMPLE],
    ["check"],
    ["check", EXAMPLE, EXAMPLE],
    ["check", "--origin", EXAMPLE],
    ["schema", "x"],
  ]) {
    const { code, out, err } = await run(args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(out, "");
    assert.match(err, /usage: nominald config/);
  }
});
