import type { Region } from "../shared/image.ts";
import type { Rule } from "./rule.ts";

/**
 * When and by whom a key may be changed. `live`: a twin may, applied between two parts. `restart`: a twin may, and the
 * capture or inference process, or the session with the broker, is started anew. `local`: only the file on the
 * device, read at the daemon's start; no twin may set it (files, devices, credentials, identity).
 */
export type Apply = "live" | "restart" | "local";

/** One key of a configuration: a property of a convict schema, with marks of ours. */
export type Key<T> = {
  readonly doc: string;
  /** null also stands for "none": such a key is `required` when its rule does not accept null. */
  readonly default: T | null;
  /** convict's check; throws. */
  readonly format: (value: unknown) => void;
  /**
   * Name of the environment variable (of a station's key: what follows `NOMINALD_STATIONS_<index>_`). null: none.
   */
  readonly env: string | null;
  readonly apply: Apply;
  readonly rule: Rule<T>;
  readonly required: boolean;
  /** The value is a path (or a list of paths), made absolute when it is read. */
  readonly isPath: boolean;
};

/** The keys of a configuration of type `T`: the compiler holds that none is missing and none has the wrong default. */
export type KeyTree<T> = {
  readonly [Name in keyof T]-?: NonNullable<T[Name]> extends string | number | boolean | readonly unknown[] | Region
    ? Key<T[Name]>
    : KeyTree<T[Name]>;
};

/** A tree of keys whose values are not known to the compiler. */
export type AnyKey = Key<unknown>;
export type AnyTree = { readonly [name: string]: AnyKey | AnyTree };

interface Marks {
  readonly doc: string;
  readonly env: string | null;
  readonly apply: Apply;
  readonly isPath?: boolean;
}

/** A key that may be left out. */
export function key<T>(rule: Rule<T>, fallback: NoInfer<T>, marks: Marks): Key<T> {
  return { isPath: false, ...marks, rule, default: fallback, required: false, format: formatOf(rule) };
}

/** A key that has to be given: a default would be a guess about the line. */
export function requiredKey<T>(rule: Rule<T>, marks: Marks): Key<T> {
  return { isPath: false, ...marks, rule, default: null, required: true, format: formatOf(rule) };
}

function formatOf(rule: Rule<unknown>): (value: unknown) => void {
  return (value) => {
    if (!rule.accepts(value)) throw new Error(`expected ${rule.expected}`);
  };
}

export function isKey(node: AnyKey | AnyTree): node is AnyKey {
  return typeof node["format"] === "function";
}

/** All keys of a tree with their dotted paths, in the order of the schema. */
export function keysOf(tree: AnyTree, prefix = ""): { readonly path: string; readonly key: AnyKey }[] {
  return Object.entries(tree).flatMap(([name, node]) =>
    isKey(node) ? [{ path: prefix + name, key: node }] : keysOf(node, `${prefix}${name}.`),
  );
}
