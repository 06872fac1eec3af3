type Fields = Readonly<Record<string, unknown>>;
type Triple = readonly [number, number, number];

/** Collects everything that is wrong with a document, so that its writer mends it in one go. */
export class Problems {
  readonly lines: string[] = [];

  add(path: string, expected: string, actual: unknown): void {
    this.lines.push(`${path === "" ? "the document" : path}: expected ${expected} but got ${shown(actual)}`);
  }

  fields(value: unknown, path: string, keys: readonly string[]): Fields {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.add(path, `an object with ${keys.join(", ")}`, value);
      return {};
    }
    const fields: Fields = { ...value };
    const prefix = path === "" ? "" : `${path}.`;
    for (const key of Object.keys(fields)) {
      if (!keys.includes(key)) this.add(`${prefix}${key}`, `no such key (known: ${keys.join(", ")})`, fields[key]);
    }
    return fields;
  }

  text(value: unknown, path: string, expected: string, pattern: RegExp): string {
    if (typeof value === "string" && pattern.test(value)) return value;
    this.add(path, expected, value);
    return "";
  }

  oneOf<const T extends string | number>(value: unknown, path: string, first: T, ...others: readonly T[]): T {
    const choices = [first, ...others];
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.add(path, choices.map(shown).join(" or "), value);
    return found ?? first;
  }

  integer(value: unknown, path: string, most: number): number {
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most) return value;
    this.add(path, `an integer from 1 to ${most}`, value);
    return 1;
  }

  /** A number above 0 and at most 1. */
  share(value: unknown, path: string): number {
    if (typeof value === "number" && value > 0 && value <= 1) return value;
    this.add(path, "a number above 0 and at most 1", value);
    return 1;
  }

  triple(value: unknown, path: string, expected: string, fits: (one: number) => boolean): Triple {
    const elements: readonly unknown[] = Array.isArray(value) ? value : [];
    const numbers = elements.filter((one) => typeof one === "number" && Number.isFinite(one) && fits(one));
    const [first, second, third] = numbers.map(Number);
    if (elements.length === 3 && first !== undefined && second !== undefined && third !== undefined) {
      return [first, second, third];
    }
    this.add(path, expected, value);
    return [1, 1, 1];
  }
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
