import { isIP } from "node:net";
import type { Region } from "../shared/image.ts";

/** A JSON Schema fragment or document (draft 2020-12). */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * What a value has to be: one rule serves the check of a file, the environment, convict and the JSON Schema, so that
 * they cannot differ.
 */
export interface Rule<T> {
  /** Ends the sentence "expected …". */
  readonly expected: string;
  accepts(value: unknown): value is T;
  /** The value that a text from the environment stands for; undefined: it stands for none. */
  parse(text: string): unknown;
  readonly json: JsonSchema;
}

/** `config/example.yaml` and the README name this pattern too; it is part of the MQTT contract. */
const SEGMENT = /^[a-z0-9_-]{1,32}$/;
const HOST_NAME = /^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])$/;

/** @param pattern what the text has to match; printed nowhere, so `expected` must say it in words */
export function textRule(expected: string, pattern: RegExp = /^\P{Cc}+$/u): Rule<string> {
  return {
    expected,
    accepts: (value): value is string => typeof value === "string" && pattern.test(value),
    parse: (text) => text,
    json: { type: "string", pattern: pattern.source },
  };
}

export const segmentRule: Rule<string> = textRule("1 to 32 characters of a-z, 0-9, _ and -", SEGMENT);

/** A path; one that is not absolute is taken relative to the file that names it. */
export const pathRule: Rule<string> = textRule("a path, not empty");

/** A credential that systemd gives the service stands where a path could; it is no path yet. */
export function isCredential(value: string): boolean {
  return value.startsWith("credential:");
}

/** In the environment separated by colons, as in PATH. */
export const pathListRule: Rule<readonly string[]> = {
  expected: "a list of paths",
  accepts: (value): value is readonly string[] => Array.isArray(value) && value.every((item) => pathRule.accepts(item)),
  parse: (text) => (text === "" ? [] : text.split(":")),
  json: { type: "array", items: pathRule.json },
};

/** A literal one: a name would have to be looked up. */
export const ipAddressRule: Rule<string> = {
  expected: "an IP address",
  accepts: (value): value is string => typeof value === "string" && isIP(value) !== 0,
  parse: (text) => text,
  json: { type: "string", anyOf: [{ format: "ipv4" }, { format: "ipv6" }] },
};

/** In the environment separated by commas. */
export const hostListRule: Rule<readonly string[]> = {
  expected: "a list of host names or IP addresses (IPv6 in brackets), without ports",
  accepts: (value): value is readonly string[] =>
    Array.isArray(value) && value.every((item) => typeof item === "string" && HOST_NAME.test(item)),
  parse: (text) => (text === "" ? [] : text.split(",")),
  json: { type: "array", items: { type: "string", pattern: HOST_NAME.source } },
};

/** `HOST` or `HOST:PORT`, as a URL of the WHATWG writes it: without the port that https means anyway. */
const HTTPS_HOST = /^(?!.*:443$)[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?(:[1-9]\d{0,4})?$/;

/** In the environment separated by commas. */
export const httpsHostListRule: Rule<readonly string[]> = {
  expected: "a list of hosts in small letters, HOST or HOST:PORT, without :443",
  accepts: (value): value is readonly string[] =>
    Array.isArray(value) && value.every((item) => typeof item === "string" && HTTPS_HOST.test(item)),
  parse: (text) => (text === "" ? [] : text.split(",")),
  json: { type: "array", items: { type: "string", pattern: HTTPS_HOST.source } },
};

export const flagRule: Rule<boolean> = {
  expected: "true or false",
  accepts: (value): value is boolean => typeof value === "boolean",
  // Only the two words: convict's own conversion takes every text but "false" for true, "no" and "0" as well.
  parse: (text) => (text === "true" ? true : text === "false" ? false : undefined),
  json: { type: "boolean" },
};

interface Range {
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

export function integerRule(range: { readonly minimum: number; readonly maximum: number }): Rule<number> {
  return numeric(`a whole number from ${range.minimum} to ${range.maximum}`, "integer", range);
}

/** A finite number; either end of the range may be absent. */
export function numberRule(range: Range): Rule<number> {
  const lower =
    range.exclusiveMinimum !== undefined
      ? ` above ${range.exclusiveMinimum}`
      : range.minimum !== undefined
        ? ` from ${range.minimum}`
        : "";
  return numeric(`a number${lower}${range.maximum === undefined ? "" : ` up to ${range.maximum}`}`, "number", range);
}

function numeric(expected: string, type: "integer" | "number", range: Range): Rule<number> {
  const { minimum = -Infinity, exclusiveMinimum = -Infinity, maximum = Infinity } = range;
  return {
    expected,
    accepts: (value): value is number =>
      typeof value === "number" &&
      Number.isFinite(value) &&
      (type === "number" || Number.isInteger(value)) &&
      value >= minimum &&
      value > exclusiveMinimum &&
      value <= maximum,
    // Strict: parseInt would take "12abc" as 12, Number would take "" as 0 and "0x10" as 16.
    parse: (text) => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined),
    json: { type, ...range },
  };
}

/** One of a few texts or numbers. */
export function choiceRule<T extends string | number>(...choices: readonly T[]): Rule<T> {
  const words = choices.map((choice) => JSON.stringify(choice));
  return {
    expected: words.length === 1 ? `${words[0]}` : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
    accepts: (value): value is T => choices.some((choice) => choice === value),
    parse: (text) => choices.find((choice) => String(choice) === text),
    json: { enum: choices },
  };
}

const REGION_EDGES = ["x", "y", "width", "height"] as const;
const LARGEST_EDGE = 65_535;

/** A part of the frame, whole pixels; as text in the environment it is written in JSON. */
export const regionRule: Rule<Region> = {
  expected: "{ x, y, width, height } in whole pixels, x and y from 0, width and height from 16",
  accepts: (value): value is Region => {
    if (typeof value !== "object" || value === null || Object.keys(value).length !== REGION_EDGES.length) return false;
    return REGION_EDGES.every((edge) => {
      const length: unknown = Reflect.get(value, edge);
      const least = edge === "x" || edge === "y" ? 0 : 16;
      return typeof length === "number" && Number.isInteger(length) && length >= least && length <= LARGEST_EDGE;
    });
  },
  parse: (text) => {
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  },
  json: {
    type: "object",
    additionalProperties: false,
    required: [...REGION_EDGES],
    properties: {
      x: { type: "integer", minimum: 0, maximum: LARGEST_EDGE },
      y: { type: "integer", minimum: 0, maximum: LARGEST_EDGE },
      width: { type: "integer", minimum: 16, maximum: LARGEST_EDGE },
      height: { type: "integer", minimum: 16, maximum: LARGEST_EDGE },
    },
  },
};

/** The rule, or null (`null` in the environment). */
export function nullable<T>(rule: Rule<T>): Rule<T | null> {
  const type = rule.json["type"];
  return {
    expected: `${rule.expected}, or null`,
    accepts: (value): value is T | null => value === null || rule.accepts(value),
    parse: (text) => (text === "null" ? null : rule.parse(text)),
    json: Array.isArray(rule.json["enum"])
      ? { enum: [...(rule.json["enum"] as unknown[]), null] }
      : { ...rule.json, type: [type, "null"] },
  };
}
