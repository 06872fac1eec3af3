import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parser } from "@prometheus-io/lezer-promql";
import { parse } from "yaml";

export const RULES = fileURLToPath(new URL("../../config/prometheus/nominald.rules.yml", import.meta.url));
export const DASHBOARD = fileURLToPath(new URL("../../config/grafana/nominald.json", import.meta.url));

/** A series that an expression asks for. */
export interface Selector {
  readonly name: string;
  /** That it matches, and that its aggregation keeps. */
  readonly labels: readonly string[];
  /** It is asked for over a time, as in `rate(name[5m])`. */
  readonly isRange: boolean;
}

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { query: string } }[];
  };
}

const dashboard = (): Dashboard => JSON.parse(readFileSync(DASHBOARD, "utf8")) as Dashboard;

/** With the variables of Grafana replaced by what it may put in their place. */
export function dashboardExpressions(): readonly string[] {
  return dashboard().panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, ".*")),
  );
}

export function dashboardVariables(): readonly { readonly name: string; readonly query: string }[] {
  return dashboard().templating.list.map(({ name, query }) => ({
    name,
    query: typeof query === "string" ? query : query.query,
  }));
}

export function ruleExpressions(): readonly string[] {
  const { groups } = parse(readFileSync(RULES, "utf8")) as { groups: { rules: { expr: string }[] }[] };
  return groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
}

/** @throws Error when the expression is no PromQL, by the grammar that Prometheus' own page uses */
export function selectorsOf(expression: string): Selector[] {
  const selectors: { name: string; labels: string[]; isRange: boolean }[] = [];
  const grouped: string[] = [];
  const parents: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ name: kind, from, to, type }) => {
      if (type.isError) throw new Error(`Expected PromQL but at character ${from} is a mistake: ${expression}`);
      const text = expression.slice(from, to);
      if (kind === "VectorSelector") {
        selectors.push({ name: "", labels: [], isRange: parents.includes("MatrixSelector") });
      }
      const last = selectors.at(-1);
      if (kind === "Identifier" && parents.at(-1) === "VectorSelector" && last !== undefined) last.name = text;
      else if (kind === "LabelName" && parents.includes("GroupingLabels")) grouped.push(text);
      else if (kind === "LabelName" && last !== undefined) last.labels.push(text);
      parents.push(kind);
    },
    leave: () => void parents.pop(),
  });
  return selectors.map(({ labels, ...selector }) => ({ ...selector, labels: [...labels, ...grouped] }));
}
