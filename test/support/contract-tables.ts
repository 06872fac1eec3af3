import { COMMAND_NAMES } from "../../src/mqtt/commands.ts";
import { COMMAND_TEXTS, CONTRACT, RESULT_FIELDS } from "../../src/mqtt/contract.ts";
import { FAMILIES } from "../../src/metrics/families.ts";
import { FAULT_NAMES, FAULTS } from "../../src/station/faults.ts";
import { FLAG, FLAG_TEXTS } from "../../src/station/outcome.ts";
import { PLC_STATES } from "../../src/station/plc-state.ts";
import { REASON_NAMES, REASONS } from "../../src/station/reasons.ts";

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The tables of docs/mqtt.md by the name of their place in it, made from what the code goes by. */
export const CONTRACT_TABLES: Readonly<Record<string, string>> = {
  topics: table(
    ["topic", "direction", "QoS", "retained", "payload"],
    CONTRACT.map(({ topic, direction, qos, retained, payload }) => [
      ...[`\`${topic}\``, direction, qos, retained ? "yes" : "no", payload],
    ]),
  ),
  states: table(["state", "means"], Object.entries(PLC_STATES)),
  "result-fields": table(
    ["field", "first byte", "bytes", "holds"],
    RESULT_FIELDS.map(({ name, first, bytes, meaning }) => [name, first, bytes, meaning]),
  ),
  flags: table(
    ["flag", "means"],
    (Object.keys(FLAG) as (keyof typeof FLAG)[]).map((name) => [
      ...[FLAG[name].toString(16).padStart(2, "0"), FLAG_TEXTS[name]],
    ]),
  ),
  codes: table(
    ["code", "name", "means", "what to do"],
    REASON_NAMES.map((name) => [REASONS[name].code, name, REASONS[name].text, REASONS[name].remedy]),
  ),
  faults: table(
    ["code", "name", "verdicts", "more in `state`", "over when"],
    FAULT_NAMES.map((name) => {
      const { stops, see, over } = FAULTS[name];
      return [REASONS[name].code, name, stops ? "none" : "go on", `\`${see}\``, over];
    }),
  ),
  commands: table(
    ["command", "does"],
    COMMAND_NAMES.map((name) => [`\`${name}\``, COMMAND_TEXTS[name]]),
  ),
};

/** The table of docs/metrics.md. */
export const METRICS_TABLES: Readonly<Record<string, string>> = {
  metrics: table(
    ["name", "kind", "labels", "says"],
    Object.values(FAMILIES).map(({ name, kind, labels, help }) => [
      ...[`\`${name}\``, kind, labels.map((label) => `\`${label}\``).join(", "), help],
    ]),
  ),
};

/** The tables of docs/supply-chain.md, out of the scripts in .ci, which are plain JavaScript. */
export async function supplyTables(): Promise<Readonly<Record<string, string>>> {
  const load = (name: string): Promise<unknown> => import(new URL(`../../.ci/lib/${name}`, import.meta.url).href);
  const { ALLOWED } = (await load("licences.mjs")) as { ALLOWED: Readonly<Record<string, string>> };
  const { REQUIREMENTS } = (await load("requirements.mjs")) as {
    REQUIREMENTS: readonly { packages: readonly string[]; why: string; from: string }[];
  };
  return {
    licences: table(["licence", "why it is allowed"], Object.entries(ALLOWED)),
    debian: table(
      ["packages", "needed to", "for"],
      REQUIREMENTS.map(({ packages, why, from }) => [packages.join(", "), from, why]),
    ),
  };
}

/** A place in a document that a table stands in: everything between its two comments. */
const PLACE = /<!-- table: ([a-z-]+) -->\n[^]*?<!-- end -->/g;

/** @returns the document with each table as the code has it, and the names of the tables that it has a place for */
export function withTables(
  document: string,
  tables = CONTRACT_TABLES,
): { readonly text: string; readonly names: readonly string[] } {
  const names: string[] = [];
  const text = document.replace(PLACE, (_place, name: string) => {
    names.push(name);
    return `<!-- table: ${name} -->\n\n${tables[name] ?? "no such table"}\n\n<!-- end -->`;
  });
  return { text, names };
}
