import { isAbsolute, resolve as resolvePath } from "node:path";
import convict from "convict";
import { isKey, keysOf } from "./key.ts";
import type { AnyKey, AnyTree, KeyTree } from "./key.ts";
import { closest, describe, joinPath } from "./problem.ts";
import { isCredential } from "./rule.ts";

/** Where a value came from. */
export type Origin = "default" | "file" | "twin" | "env";

/** Called once for each problem; `path` is relative to the tree, `actual` undefined when the key is missing. */
export type ReportProblem = (path: string, expected: string, actual: string, origin: Origin) => void;

export interface Resolved<T> {
  /** Complete; true to its type only when no problem was reported. */
  readonly values: T;
  /** Dotted path of every key → origin. */
  readonly origins: ReadonlyMap<string, Origin>;
}

/**
 * Checks a document against a tree of keys, and merges default, document, twin and environment (the later wins) through
 * convict. The check runs on the raw values: convict converts before it checks, so that the text "12abc" would pass as
 * 12 and "no" as true; convict then gets values of the right type only, and validates the whole once more.
 *
 * @param document the parsed document, anything
 * @param overrides dotted path → value from the environment, checked
 * @param twin dotted path → value from a pushed document, checked
 * @param folder what relative paths in the document are relative to
 */
export function resolveTree<T>(
  tree: KeyTree<T> & AnyTree,
  document: unknown,
  overrides: ReadonlyMap<string, unknown>,
  twin: ReadonlyMap<string, unknown>,
  folder: string,
  report: ReportProblem,
): Resolved<T> {
  let problems = 0;
  const given = collectValues(tree, document, (path, expected, actual, origin) => {
    problems++;
    report(path, expected, actual, origin);
  });
  // `env: {}` and `args: []`: convict must not look into this process's environment and arguments by itself.
  const config = convict<Record<string, unknown>>(tree, { env: {}, args: [] });
  const origins = new Map<string, Origin>();
  for (const { path, key } of keysOf(tree)) {
    const origin = originOf(path, overrides, twin, given);
    origins.set(path, origin);
    if (origin === "env") config.set(path, overrides.get(path));
    else if (origin === "twin") config.set(path, twin.get(path));
    else if (origin === "file") config.set(path, key.isPath ? absolute(given.get(path), folder) : given.get(path));
    else if (key.required && !isReported(document, path)) {
      problems++;
      report(path, key.rule.expected, "nothing: the key is missing", "default");
    }
  }
  if (problems === 0) config.validate({ allowed: "strict" });
  return { values: config.getProperties() as T, origins };
}

function originOf(path: string, ...layers: readonly ReadonlyMap<string, unknown>[]): Origin {
  const origins: readonly Origin[] = ["env", "twin", "file"];
  return origins[layers.findIndex((layer) => layer.has(path))] ?? "default";
}

/** @returns dotted path → value of every leaf that passes its rule; the others, and what is not in the tree, are reported */
export function collectValues(tree: AnyTree, document: unknown, report: ReportProblem): Map<string, unknown> {
  const given = new Map<string, unknown>();
  collect(tree, document, "", given, report);
  return given;
}

/** Puts every leaf that passes its rule into `given` and reports the others, and whatever is not in the tree. */
function collect(
  node: AnyTree,
  document: unknown,
  prefix: string,
  given: Map<string, unknown>,
  report: ReportProblem,
): void {
  // A heading whose keys are all commented out reads as null in YAML.
  if (document === null || document === undefined) return;
  if (typeof document !== "object" || Array.isArray(document)) {
    report(prefix, `a mapping with the keys ${Object.keys(node).join(", ")}`, describe(document), "file");
    return;
  }
  for (const [name, value] of Object.entries(document) as [string, unknown][]) {
    const path = joinPath(prefix, name);
    const child = Object.hasOwn(node, name) ? node[name] : undefined;
    if (child === undefined) report(path, knownKeys(node, name), `the unknown key ${JSON.stringify(name)}`, "file");
    else if (!isKey(child)) collect(child, value, path, given, report);
    else if (child.rule.accepts(value)) given.set(path, value);
    else report(path, child.rule.expected, describe(value) + quoteHint(child, value), "file");
  }
}

function knownKeys(node: AnyTree, name: string): string {
  const near = closest(name, Object.keys(node));
  return near === undefined ? `one of the keys ${Object.keys(node).join(", ")}` : `a known key (${near}?)`;
}

/** The commonest slip: quotes around a number, or none around a text that reads as one. */
function quoteHint(key: AnyKey, value: unknown): string {
  if (typeof value === "string" && key.rule.json["type"] !== "string") {
    const meant = key.rule.parse(value);
    return meant !== undefined && typeof meant !== "string" && key.rule.accepts(meant) ? " (leave out the quotes)" : "";
  }
  return typeof value === "number" && key.rule.accepts(String(value)) ? " (put it in quotes)" : "";
}

/** A required key that is there but wrong has been reported already, and so has a wrong mapping around it. */
function isReported(document: unknown, path: string): boolean {
  let value: unknown = document;
  for (const name of path.split(".")) {
    if (value === null || value === undefined) return false;
    if (typeof value !== "object" || Array.isArray(value)) return true;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value !== undefined;
}

function absolute(value: unknown, folder: string): unknown {
  if (Array.isArray(value)) return value.map((item) => absolute(item, folder));
  return typeof value !== "string" || isAbsolute(value) || isCredential(value) ? value : resolvePath(folder, value);
}
