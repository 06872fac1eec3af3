import { ConfigError } from "../shared/errors.ts";

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** `stations[0].camera.path`, or "" for the document as a whole. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  /** `line 12` or the name of an environment variable; absent when neither is known. */
  readonly place?: string;
}

const LONGEST_TEXT = 60;

/** What came, with its type, so that `5` and `"5"` can be told apart; a password in a URL is left out. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object") {
    const json = JSON.stringify(value);
    return json.length <= LONGEST_TEXT ? `the mapping ${json}` : "a mapping";
  }
  if (typeof value === "string") {
    const shown = value.replace(/\/\/[^/@]*@/, "//…@");
    return `text ${JSON.stringify(shown.length <= LONGEST_TEXT ? shown : `${shown.slice(0, LONGEST_TEXT)}…`)}`;
  }
  return typeof value === "number" || typeof value === "boolean" ? `${typeof value} ${value}` : `a ${typeof value}`;
}

/** @returns one error that lists all problems, in the order given */
export function problemsError(source: string, problems: readonly Problem[]): ConfigError {
  const lines = problems.map(({ path, expected, actual, place }) => {
    const where = place === undefined ? "" : ` (${place})`;
    return `  ${path === "" ? "the document" : path}${where}: expected ${expected}, but received ${actual}`;
  });
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new ConfigError(
    "config-invalid",
    `Expected a valid configuration in ${source} but found ${count}:\n${lines.join("\n")}`,
  );
}

/** Dotted path of a key below a prefix such as `stations[0]`. */
export function joinPath(prefix: string, path: string): string {
  return prefix === "" || path === "" ? prefix + path : `${prefix}.${path}`;
}

/** The candidate that `word` was most likely meant to be: at most two letters away. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  return candidates
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.min(2, candidate.length / 3))
    .sort((a, b) => a.distance - b.distance)[0]?.candidate;
}

/** Levenshtein's distance, two rows at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
