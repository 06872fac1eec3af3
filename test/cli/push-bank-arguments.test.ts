import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePushBank } from "../../src/cli/push/bank-arguments.ts";

const WHERE = ["--to", "mqtt://127.0.0.1", "--key", "bank.key"];
const ONE = [...WHERE, "--station", "line1/st1"];

function shadowOf(...args: string[]) {
  const parsed = parsePushBank([...args]);
  assert.ok("shadow" in parsed, JSON.stringify(parsed));
  return [parsed.what, parsed.shadow];
}

test("a bank goes to work unless a shadow is asked for, which has a day unless it says otherwise", () => {
  assert.deepEqual(shadowOf("a.bank", ...ONE), ["bank", null]);
  assert.deepEqual(shadowOf("a.bank", ...ONE, "--shadow", "500"), ["bank", { parts: 500, seconds: 86_400 }]);
  assert.deepEqual(shadowOf("a.bank", ...ONE, "--shadow", "5", "--shadow-for", "60"), [
    "bank",
    { parts: 5, seconds: 60 },
  ]);
  assert.deepEqual(shadowOf("--promote", ...ONE), ["promote", null]);
});

test("a wrong shadow says what was expected", () => {
  for (const [args, expected] of [
    [["a.bank", "--shadow", "0", ...ONE], /^Expected 1 to 1000000 parts for --shadow but received 0$/],
    [["a.bank", "--shadow", "1.5", ...ONE], /parts for --shadow but received 1\.5/],
    [["a.bank", "--shadow", "5", "--shadow-for", "soon", ...ONE], /seconds for --shadow-for but received soon/],
    [["a.bank", "--shadow-for", "5", ...ONE], /^Expected --shadow N beside --shadow-for$/],
    [["--promote", "--shadow", "5", ...ONE], /^Expected --shadow beside a BANK$/],
    [["--promote", "--withdraw", ...ONE], /^Expected one BANK, or --promote, or --rollback, or --withdraw$/],
    [["a.bank", "--promote", ...ONE], /^Expected one BANK, or --promote/],
    [["a.bank", "--shadow", "5", "--station", "line1/+", ...WHERE], /Expected one station for --shadow and --promote/],
    [["--promote", "--state", "s.json", "--station", "line1/+", ...WHERE], /Expected one station for --shadow/],
  ] as const) {
    const parsed = parsePushBank([...args]);
    assert.ok("problems" in parsed, args.join(" "));
    assert.match(parsed.problems.join("\n"), expected);
  }
});
