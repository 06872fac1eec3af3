import { readFile } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { parse } from "csv-parse/sync";
import { InputError, reasonOf } from "../shared/errors.ts";
import type { LabelledImage, LabelledSet } from "./labelled-images.ts";

/** What a nominal image may be labelled as; any other label names a defect. */
const NOMINAL_LABELS: readonly string[] = ["good", "nominal", "0"];
/** The label of a data set that knows two classes alone. */
const UNNAMED_DEFECT = "1";

const FORM = "a CSV file with the header path,label or path,label,mask";

interface Row {
  readonly path: string;
  readonly label: string;
  readonly mask: string;
}

/**
 * Reads a list of labelled images: header `path,label` or `path,label,mask` (further columns are ignored). Paths are
 * relative to the file; label `good`, `nominal` or `0` is nominal, `1` anomalous, anything else the defect's name.
 *
 * @throws InputError "label-file" naming the line
 */
export async function readLabelFile(path: string): Promise<LabelledSet> {
  const folder = dirname(resolve(path));
  const images: LabelledImage[] = [];
  for (const { row, line } of await readRows(path)) {
    if (row.path === "" || row.label === "") throw wrong(path, `line ${line} without a path or label`);
    const nominal = NOMINAL_LABELS.includes(row.label.toLowerCase());
    if (nominal && row.mask !== "") throw wrong(path, `line ${line} with a mask of a nominal image`);
    images.push({
      file: resolve(folder, row.path),
      defect: nominal ? null : row.label === UNNAMED_DEFECT ? "anomalous" : row.label,
      mask: row.mask === "" ? null : resolve(folder, row.mask),
    });
  }
  if (images.length === 0) throw wrong(path, "no line below the header");
  return { name: basename(path, extname(path)), images };
}

async function readRows(path: string): Promise<{ readonly row: Row; readonly line: number }[]> {
  let records: { record: Record<string, string>; info: { lines: number } }[];
  try {
    const text = await readFile(path);
    // Strict about quotes and the number of columns, so that a line cannot slip into the wrong one.
    records = parse(text, { bom: true, columns: true, info: true, skip_empty_lines: true, trim: true });
  } catch (error) {
    throw wrong(path, reasonOf(error), error);
  }
  return records.map(({ record, info }) => {
    const { path: file, label, mask = "" } = record;
    if (file === undefined || label === undefined) throw wrong(path, `the header ${Object.keys(record).join(",")}`);
    return { row: { path: file, label, mask }, line: info.lines };
  });
}

function wrong(path: string, actual: string, cause?: unknown): InputError {
  return new InputError("label-file", `Expected ${FORM} in ${path} but received ${actual}`, { cause });
}
