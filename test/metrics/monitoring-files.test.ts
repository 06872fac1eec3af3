import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { FAMILIES, type Family } from "../../src/metrics/families.ts";
import { METRICS_TABLES, withTables } from "../support/contract-tables.ts";
import { dashboardExpressions, dashboardVariables, ruleExpressions, RULES, selectorsOf } from "../support/promql.ts";

const DOCUMENT = new URL("../../docs/metrics.md", import.meta.url);
/** Labels that Prometheus itself gives each target. */
const OF_PROMETHEUS = ["instance", "job"];

const families = new Map<string, Family>(Object.values(FAMILIES).map((family: Family) => [family.name, family]));

/** @returns the family of a series' name; of a histogram its parts, and only those, are series */
function familyOf(name: string): { family: Family; labels: readonly string[] } | undefined {
  const [, base = name, part] = /^(.*)_(bucket|sum|count)$/.exec(name) ?? [];
  const histogram = part === undefined ? undefined : families.get(base);
  if (histogram?.kind === "histogram") {
    return { family: histogram, labels: part === "bucket" ? [...histogram.labels, "le"] : histogram.labels };
  }
  const family = families.get(name);
  return family === undefined || family.kind === "histogram" ? undefined : { family, labels: family.labels };
}

/* After a change of the code: NOMINALD_WRITE_DOCS=1 node .ci/test.mjs test/metrics/monitoring-files.test.ts */
test("the table of docs/metrics.md is what the code exports", () => {
  const { text, names } = withTables(readFileSync(DOCUMENT, "utf8"), METRICS_TABLES);
  if (process.env["NOMINALD_WRITE_DOCS"] === "1") writeFileSync(DOCUMENT, text);
  assert.deepEqual(names, ["metrics"]);
  assert.equal(readFileSync(DOCUMENT, "utf8"), text);
});

test("every expression of dashboard and rules is PromQL and uses names and labels that are exported", () => {
  const expressions = [...dashboardExpressions(), ...ruleExpressions()];
  assert.ok(expressions.length > 30);
  for (const expression of expressions) {
    const selectors = selectorsOf(expression);
    assert.ok(selectors.length > 0, expression);
    for (const { name, labels } of selectors) {
      if (name === "up") continue;
      const found = familyOf(name);
      assert.ok(found !== undefined, `${name} in ${expression}`);
      const known = [...found.labels, ...OF_PROMETHEUS];
      for (const label of labels) assert.ok(known.includes(label), `label ${label} of ${name} in ${expression}`);
    }
  }
});

test("counters are looked at by their growth, gauges never", () => {
  for (const expression of [...dashboardExpressions(), ...ruleExpressions()]) {
    for (const { name, isRange } of selectorsOf(expression)) {
      const kind = familyOf(name)?.family.kind;
      if (kind !== undefined) assert.equal(isRange, kind !== "gauge", `${name} in ${expression}`);
    }
  }
});

test("every metric that tells of trouble is on the dashboard or has a rule", () => {
  const used = new Set([...dashboardExpressions(), ...ruleExpressions()].flatMap(selectorsOf).map(({ name }) => name));
  const unused = [...families.values()].filter(
    ({ name, kind }) => !used.has(kind === "histogram" ? `${name}_bucket` : name),
  );
  assert.deepEqual(unused.map(({ name }) => name).sort(), [
    "nominald_bank_rows",
    "nominald_bank_threshold",
    "nominald_info",
    "nominald_messages_ignored_total",
    "nominald_start_time_seconds",
    "nominald_station_state",
    "nominald_triggers_refused_total",
    "nominald_triggers_repeated_total",
  ]);
});

test("the variables of the dashboard ask for labels that there are", () => {
  const variables = dashboardVariables();
  assert.deepEqual(variables.map(({ name }) => name).sort(), ["datasource", "instance", "station"]);
  for (const { name, query } of variables) {
    if (name === "datasource") continue;
    const [, metric = "", label = ""] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
    assert.ok([...(familyOf(metric)?.labels ?? []), ...OF_PROMETHEUS].includes(label), query);
  }
});

test("each alert has a severity, a summary and what to do, and names no label that its expression drops", () => {
  const { groups } = parse(readFileSync(RULES, "utf8")) as {
    groups: { rules: { alert: string; expr: string; labels: object; annotations: Record<string, string> }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const { alert, expr, labels, annotations } of rules) {
    assert.deepEqual(Object.keys(labels), ["severity"], alert);
    assert.deepEqual(Object.keys(annotations).sort(), ["action", "summary"], alert);
    const named = [
      ...Object.values(annotations)
        .join(" ")
        .matchAll(/\$labels\.(\w+)/g),
    ].map(([, label = ""]) => label);
    const kept = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(", ");
    const [first] = selectorsOf(expr);
    assert.ok(first !== undefined, alert);
    const given = kept ?? [...(familyOf(first.name)?.labels ?? []), ...OF_PROMETHEUS];
    for (const label of named) assert.ok(given.includes(label), `${alert}: ${label}`);
  }
});

test("the check itself finds mistakes: a wrong bracket, an unknown name and an unknown label", () => {
  assert.throws(() => selectorsOf("rate(nominald_frames_total[5m]"), /PromQL/);
  assert.equal(familyOf("nominald_frames"), undefined);
  assert.equal(familyOf("nominald_verdict_latency_seconds"), undefined);
  assert.deepEqual(selectorsOf('nominald_frames_total{line="a"}'), [
    { name: "nominald_frames_total", labels: ["line"], isRange: false },
  ]);
});
