/** One thing that is wrong with a document: where, what was expected there, what came. */
export interface Problem {
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
}

/**
 * Checks one value of a parsed JSON document. Every problem below the value is added to `problems`; the return value
 * holds only when none was added. Unknown and missing keys are problems.
 */
export type Shape<T> = (value: unknown, path: string, problems: Problem[]) => value is T;

type TypeOf<S> = S extends Shape<infer T> ? T : never;
type ObjectOf<F> = { readonly [K in keyof F]: TypeOf<F[K]> };

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function check<T>(expected: string, holds: (value: unknown) => boolean): Shape<T> {
  return (value, path, problems): value is T => {
    if (holds(value)) return true;
    problems.push({ path, expected, actual: describe(value) });
    return false;
  };
}

export function literal<const T extends readonly (string | number | boolean | null)[]>(...values: T): Shape<T[number]> {
  const expected = values.map((value) => JSON.stringify(value)).join(" or ");
  return check(expected, (value) => values.some((one) => one === value));
}

export function integer(least: number, most: number): Shape<number> {
  return check(
    `an integer from ${least} to ${most}`,
    (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most,
  );
}

/** A finite number in (above, most]. */
export function above(least: number, most = Number.MAX_VALUE): Shape<number> {
  const upper = most === Number.MAX_VALUE ? "" : ` and at most ${most}`;
  return check(
    `a finite number above ${least}${upper}`,
    (value) => typeof value === "number" && Number.isFinite(value) && value > least && value <= most,
  );
}

/** A finite number in [least, most]. */
export function from(least: number, most = Number.MAX_VALUE): Shape<number> {
  const upper = most === Number.MAX_VALUE ? "" : ` and at most ${most}`;
  return check(
    `a finite number of at least ${least}${upper}`,
    (value) => typeof value === "number" && Number.isFinite(value) && value >= least && value <= most,
  );
}

export function text(pattern: RegExp, expected: string): Shape<string> {
  return check(expected, (value) => typeof value === "string" && pattern.test(value));
}

export function arrayOf<T>(element: Shape<T>, least: number, most: number): Shape<readonly T[]> {
  return (value, path, problems): value is readonly T[] => {
    if (!Array.isArray(value) || value.length < least || value.length > most) {
      const actual = Array.isArray(value) ? `an array of ${value.length}` : describe(value);
      problems.push({ path, expected: `an array of ${least} to ${most} elements`, actual });
      return false;
    }
    const before = problems.length;
    // A broken array of ten thousand numbers needs no ten thousand lines: its first bad element tells enough.
    value.every((one, index) => element(one, `${path}[${index}]`, problems));
    return problems.length === before;
  };
}

export function orNull<T>(shape: Shape<T>): Shape<T | null> {
  return (value, path, problems): value is T | null => value === null || shape(value, path, problems);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function object<const F extends Readonly<Record<string, Shape<unknown>>>>(fields: F): Shape<ObjectOf<F>> {
  return (value, path, problems): value is ObjectOf<F> => {
    if (!isRecord(value)) {
      problems.push({ path, expected: "an object", actual: describe(value) });
      return false;
    }
    const before = problems.length;
    const prefix = path === "" ? "" : `${path}.`;
    for (const [key, shape] of Object.entries(fields)) {
      shape(Object.hasOwn(value, key) ? value[key] : undefined, `${prefix}${key}`, problems);
    }
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(fields, key)) continue;
      problems.push({ path: `${prefix}${key}`, expected: "no such key", actual: describe(value[key]) });
    }
    return problems.length === before;
  };
}

/** An object whose keys are free, within `keys`. */
export function recordOf<T>(keys: Shape<string>, element: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, path, problems): value is Readonly<Record<string, T>> => {
    if (!isRecord(value)) {
      problems.push({ path, expected: "an object", actual: describe(value) });
      return false;
    }
    const before = problems.length;
    for (const [key, one] of Object.entries(value)) {
      if (keys(key, `${path}.${key}`, problems)) element(one, `${path}.${key}`, problems);
    }
    return problems.length === before;
  };
}

/** Chooses the shape by the value of one key, for unions that carry a `kind`. */
export function byKinds<const K extends Readonly<Record<string, Shape<unknown>>>>(
  key: string,
  kinds: K,
): Shape<TypeOf<K[keyof K]>> {
  const expected = Object.keys(kinds)
    .map((kind) => JSON.stringify(kind))
    .join(" or ");
  return (value, path, problems): value is TypeOf<K[keyof K]> => {
    if (!isRecord(value)) {
      problems.push({ path, expected: "an object", actual: describe(value) });
      return false;
    }
    const kind = Object.hasOwn(value, key) ? value[key] : undefined;
    const shape = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (shape !== undefined) return shape(value, path, problems);
    problems.push({ path: `${path}.${key}`, expected, actual: describe(kind) });
    return false;
  };
}
