import { join } from "node:path";
import { builtInModelsFolder, findBackbone } from "../backbone/find.ts";
import { readBank } from "../bank/bundle-read.ts";
import { compareEvaluations, type Comparison } from "../evaluation/compare.ts";
import { evaluate } from "../evaluation/evaluate.ts";
import type { Evaluation } from "../evaluation/evaluation.ts";
import { drawGallery, type Gallery } from "../evaluation/gallery.ts";
import { readLabelFile } from "../evaluation/label-file.ts";
import type { LabelledSet } from "../evaluation/labelled-images.ts";
import { readMvtecFolder } from "../evaluation/mvtec-folder.ts";
import { OpenScorers } from "../evaluation/open-scorers.ts";
import { PercentLines } from "../evaluation/percent-lines.ts";
import { reportPage } from "../evaluation/report/report-page.ts";
import { comparisonText, summaryText } from "../evaluation/summary-text.ts";
import { EXIT } from "../shared/exit-codes.ts";
import { parseEvalArguments, type EvalArguments } from "./eval-arguments.ts";
import { helpOf } from "./command-line/help.ts";
import { EVAL } from "./commands/eval.ts";
import type { CommandIo } from "./io.ts";
import { makeOutputFolder, writeOutput } from "./output.ts";

/** `nominald eval`: measures a bank on labelled images. */
export async function evalCommand(args: string[], io: CommandIo): Promise<number> {
  const parsed = parseEvalArguments(args);
  if ("problems" in parsed) {
    io.err(`${parsed.problems.join("\n")}\n\n${helpOf(EVAL)}`);
    return EXIT.usage;
  }
  if (parsed.help) {
    io.out(helpOf(EVAL));
    return EXIT.ok;
  }
  const set = parsed.csv === null ? await readMvtecFolder(parsed.dataset ?? "") : await readLabelFile(parsed.csv);
  // An evaluation takes minutes; that its report could not be written should not be its last word.
  if (parsed.out !== null) makeOutputFolder(parsed.out);
  try {
    const found = await measure(parsed, set, io);
    const { evaluation, comparison } = found;
    const document = comparison === null ? evaluation : { ...evaluation, comparison };
    if (parsed.out !== null) await writeReport(parsed.out, found, document, io);
    if (parsed.json) io.out(JSON.stringify(document));
    else for (const line of [...summaryText(evaluation), ...comparisonText(comparison)]) io.out(line);
    return evaluation.dataset.unusable.length > 0 ? EXIT.input : EXIT.ok;
  } catch (error) {
    if (!io.signal.aborted) throw error;
    io.err("stopped; no report was written");
    return EXIT.interrupted;
  }
}

interface Measured {
  readonly evaluation: Evaluation;
  readonly comparison: Comparison | null;
  readonly gallery: Gallery | null;
}

async function measure(parsed: EvalArguments, set: LabelledSet, io: CommandIo): Promise<Measured> {
  const first = await openScorers(parsed, parsed.bank, parsed.threshold, parsed.approximation);
  try {
    const evaluation = await evaluateBy(first, set, io, "images");
    const gallery = parsed.out === null ? null : await drawGallery(evaluation, first.scorer, parsed.gallery, io.signal);
    if (parsed.compare === null) return { evaluation, comparison: null, gallery };
    // The threshold on the command line is in the first bank's unit.
    const second = await openScorers(parsed, parsed.compare, null, false);
    try {
      const after = await evaluateBy(second, set, io, "images of the second bank");
      return { evaluation, comparison: compareEvaluations(evaluation, after), gallery };
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

function evaluateBy(scorers: OpenScorers, set: LabelledSet, io: CommandIo, what: string): Promise<Evaluation> {
  const { scorer, bySearch } = scorers;
  const counter = new PercentLines((line) => io.err(line), what);
  return evaluate({ set, scorer, bySearch, signal: io.signal, onImage: (done, all) => counter.report(done, all) });
}

async function writeReport(folder: string, found: Measured, document: object, io: CommandIo): Promise<void> {
  const { evaluation, comparison, gallery } = found;
  const page = reportPage(evaluation, gallery ?? { misses: [], falseRejects: [] }, comparison);
  await writeOutput(join(folder, "report.html"), Buffer.from(page));
  await writeOutput(join(folder, "evaluation.json"), Buffer.from(`${JSON.stringify(document, null, 1)}\n`));
  io.err(`report: ${join(folder, "report.html")}`);
}

async function openScorers(
  parsed: EvalArguments,
  path: string,
  threshold: number | null,
  everySearch: boolean,
): Promise<OpenScorers> {
  const bank = await readBank(path);
  const backbone = await findBackbone([...parsed.models, builtInModelsFolder()], bank.manifest.backbone);
  const overrides = { index: parsed.index, ...(threshold === null ? {} : { threshold }) };
  const settings = { threads: parsed.threads, spinning: false, provider: "cpu" } as const;
  return OpenScorers.open(bank, backbone, settings, overrides, everySearch);
}
