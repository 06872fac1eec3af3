import { readFileSync } from "node:fs";
import { join } from "node:path";
import { above, from, integer, literal, object, orNull, text, type Problem, type Shape } from "../../bank/shape.ts";
import { replaceFile } from "../../shared/replace-file.ts";
import type { Cell } from "./plan.ts";

/** What a cell came to. */
export interface CellResult {
  readonly format: "nominald-cell";
  readonly formatVersion: 1;
  readonly fingerprint: string;
  readonly className: string;
  readonly backbone: string;
  readonly fraction: number;
  readonly trainImages: number;
  readonly testImages: number;
  readonly rows: number;
  readonly dims: number;
  readonly imageAuroc: number | null;
  readonly pixelAuroc: number | null;
  readonly pixelAurocAnomalous: number | null;
  readonly pro: number | null;
  /** Frame in memory to image score, ms. */
  readonly latencyMedianMs: number;
  readonly latencyP99Ms: number;
  readonly fitSeconds: number;
  readonly program: string;
  readonly machine: string;
}

const line = text(/^[^\n]{1,300}$/, "a line of text");
const share = orNull(from(0, 1));
const count = integer(1, Number.MAX_SAFE_INTEGER);

const resultShape: Shape<CellResult> = object({
  format: literal("nominald-cell"),
  formatVersion: literal(1),
  fingerprint: text(/^[0-9a-f]{64}$/, "64 lower-case hex digits"),
  className: line,
  backbone: line,
  fraction: above(0, 1),
  trainImages: count,
  testImages: count,
  rows: count,
  dims: count,
  imageAuroc: share,
  pixelAuroc: share,
  pixelAurocAnomalous: share,
  pro: share,
  latencyMedianMs: from(0),
  latencyP99Ms: from(0),
  fitSeconds: from(0),
  program: line,
  machine: line,
});

/**
 * Results in a folder, a file a cell, each replaced whole: a run that was ended anywhere goes on with the cells that are
 * left, and a result can be thrown away by deleting its file.
 */
export class CellStore {
  readonly #folder: string;

  /** @param folder exists and can be written */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns the cell's result; null when there is none, or one that something else than this cell came to */
  read(cell: Cell): CellResult | null {
    let content: string;
    try {
      content = readFileSync(join(this.#folder, nameOf(cell)), "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
      throw error;
    }
    const value = parsed(content);
    const problems: Problem[] = [];
    return resultShape(value, "", problems) && value.fingerprint === cell.fingerprint ? value : null;
  }

  write(cell: Cell, result: CellResult): void {
    replaceFile(this.#folder, nameOf(cell), `${JSON.stringify(result, null, 1)}\n`);
  }
}

function nameOf(cell: Cell): string {
  return `${cell.key}.json`;
}

/** @returns undefined for text that is no JSON, which no result is */
function parsed(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
