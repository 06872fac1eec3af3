import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Node } from "yaml";
import { ConfigError, reasonOf } from "../shared/errors.ts";
import { problemsError } from "./problem.ts";

export type DocumentPath = readonly (string | number)[];

/** A configuration file as it was read: nothing is checked yet. */
export interface ConfigDocument {
  readonly value: unknown;
  /** Line of the key or list item at `path`, or of the nearest thing around it that exists; counted from 1. */
  lineOf(path: DocumentPath): number;
}

const LARGEST_FILE_BYTES = 1_048_576;

/** @throws ConfigError "config-unreadable" */
export async function readConfigText(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new ConfigError(
      "config-unreadable",
      `Expected a configuration file at ${file} but it cannot be read: ${reasonOf(error)}`,
      {
        cause: error,
      },
    );
  }
  if (text.length > LARGEST_FILE_BYTES) {
    throw new ConfigError(
      "config-unreadable",
      `Expected a configuration of at most ${LARGEST_FILE_BYTES} bytes in ${file} but it has ${text.length}`,
    );
  }
  return text;
}

/**
 * YAML (.yaml, .yml) or JSON (.json), told apart by the file's name.
 *
 * @throws ConfigError "config-invalid", listing every syntax error with its line; "config-type" for other names
 */
export function parseDocumentText(text: string, file: string): ConfigDocument {
  const extension = extname(file).toLowerCase();
  if (extension === ".json") refuseWhatIsNotJson(text, file);
  else if (extension !== ".yaml" && extension !== ".yml") {
    throw new ConfigError(
      "config-type",
      `Expected a configuration file that ends in .yaml, .yml or .json but received ${file}`,
    );
  }
  // YAML 1.2 contains JSON, so one parser gives both the line numbers and refuses a key that stands there twice.
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    throw problemsError(
      file,
      faults.map((fault) => ({
        path: "",
        expected: "well-formed YAML",
        actual: fault.message,
        place: `line ${lines.linePos(fault.pos[0]).line}`,
      })),
    );
  }
  return {
    value: toValue(document, file),
    lineOf: (path) => lines.linePos(offsetOf(document, path)).line,
  };
}

function refuseWhatIsNotJson(text: string, file: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new ConfigError("config-invalid", `Expected well-formed JSON in ${file} but received: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS() as unknown;
  } catch (error) {
    // The only way to get here is an alias that expands without bound.
    throw new ConfigError(
      "config-invalid",
      `Expected plain values in ${file} but its aliases cannot be resolved: ${reasonOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** Offset in the text where the key (in a mapping) or item (in a list) at `path` begins. */
function offsetOf(document: Document, path: DocumentPath): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    const container = isAlias(node) ? node.resolve(document) : node;
    if (isMap(container)) {
      const pair = container.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(container) && typeof step === "number" && step < container.items.length) {
      node = container.items[step];
      offset = startOf(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
