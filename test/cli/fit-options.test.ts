import assert from "node:assert/strict";
import { test } from "node:test";
import { helpOf } from "../../src/cli/command-line/help.ts";
import { FIT } from "../../src/cli/commands/fit.ts";
import { parseFitArguments } from "../../src/cli/fit-arguments.ts";
import type { FitArguments } from "../../src/cli/fit-arguments.ts";

const NEEDED = ["--images", "good", "--out", "x.bank"];

function parsed(...args: string[]): FitArguments {
  const result = parseFitArguments([...NEEDED, ...args]);
  assert.ok(!("problems" in result), JSON.stringify(result));
  return result;
}

test("without further options a fit writes its report, keeps no cache and chooses the calibration itself", () => {
  const { calibration, cache, report } = parsed();
  assert.deepEqual([calibration, cache, report], [null, null, true]);
});

test("calibration, cache and report can be chosen, and the help names them", () => {
  const { calibration, cache, report } = parsed("--calibration", "per-fold", "--cache", "dir", "--no-report");
  assert.deepEqual([calibration, cache, report], ["per-fold", "dir", false]);
  for (const option of ["--calibration MODE", "--cache DIR", "--no-report"]) assert.ok(helpOf(FIT).includes(option));
});

test("another calibration is refused with those that there are", () => {
  const result = parseFitArguments([...NEEDED, "--calibration", "exact"]);
  assert.deepEqual(result, { problems: ['Expected masked or per-fold for --calibration but received "exact"'] });
});
