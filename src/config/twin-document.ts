import type { AnyTree } from "./key.ts";
import { keysOf } from "./key.ts";
import { describe } from "./problem.ts";
import type { Problem } from "./problem.ts";
import { collectValues } from "./resolve.ts";

/** The twin of what is device-wide; a station's twin is named by `line/name`. */
export const DEVICE_TWIN = "_device";

/** Pushed documents by the name of their twin; nothing is checked yet. */
export type TwinBodies = ReadonlyMap<string, unknown>;

/** One pushed document, checked key by key. */
export interface TwinDocument {
  /** Dotted path → value of what passed. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly problems: readonly Problem[];
}

/**
 * Checks a pushed document against the schema of a station, or of the device. It may leave out what it likes (the
 * device's own file then holds), but may name only keys that a twin may set.
 */
export function readTwin(tree: AnyTree, body: unknown): TwinDocument {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    const problem = { path: "", expected: "a mapping of keys to values", actual: describe(body), place: "twin" };
    return { values: new Map(), problems: [problem] };
  }
  const problems: Problem[] = [];
  const given = collectValues(tree, body, (path, expected, actual) => {
    problems.push({ path, expected, actual, place: "twin" });
  });
  const localPaths = new Set(keysOf(tree).flatMap(({ path, key }) => (key.apply === "local" ? [path] : [])));
  for (const path of given.keys()) {
    if (!localPaths.has(path)) continue;
    problems.push({
      path,
      expected: "a key that a twin may set",
      actual: "one that only the device's own file sets",
      place: "twin",
    });
  }
  return { values: new Map([...given].filter(([path]) => !localPaths.has(path))), problems };
}

/** @returns `line/name` of a station that is not checked yet; "" when it has none, which is a problem of its own */
export function stationTwinName(document: unknown, variables: ReadonlyMap<string, unknown>): string {
  const { line, name } = (typeof document === "object" && document !== null ? document : {}) as Record<string, unknown>;
  const [shownLine, shownName] = [variables.get("line") ?? line, variables.get("name") ?? name];
  return typeof shownLine === "string" && typeof shownName === "string" ? `${shownLine}/${shownName}` : "";
}
