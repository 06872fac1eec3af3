import { builtInModelsFolder, findBackbone } from "../backbone/find.ts";
import { readBank } from "../bank/bundle-read.ts";
import { evaluate } from "../evaluation/evaluate.ts";
import { readLabelFile } from "../evaluation/label-file.ts";
import { readMvtecFolder } from "../evaluation/mvtec-folder.ts";
import { OpenScorers } from "../evaluation/open-scorers.ts";
import { summaryText } from "../evaluation/summary-text.ts";
import { EXIT } from "../shared/exit-codes.ts";
import { EVAL_HELP, parseEvalArguments, type EvalArguments } from "./eval-arguments.ts";
import type { CommandIo } from "./io.ts";

/** `nominald eval`: measures a bank on labelled images. */
export async function evalCommand(args: string[], io: CommandIo): Promise<number> {
  const parsed = parseEvalArguments(args);
  if ("problems" in parsed) {
    io.err(`${parsed.problems.join("\n")}\n\n${EVAL_HELP}`);
    return EXIT.usage;
  }
  if (parsed.help) {
    io.out(EVAL_HELP);
    return EXIT.ok;
  }
  const set = parsed.csv === null ? await readMvtecFolder(parsed.dataset ?? "") : await readLabelFile(parsed.csv);
  const scorers = await openScorers(parsed);
  try {
    const evaluation = await evaluate({ set, scorer: scorers.scorer, bySearch: scorers.bySearch, signal: io.signal });
    if (parsed.json) io.out(JSON.stringify(evaluation));
    else for (const line of summaryText(evaluation)) io.out(line);
    return evaluation.dataset.unusable.length > 0 ? EXIT.input : EXIT.ok;
  } finally {
    await scorers.close();
  }
}

async function openScorers(parsed: EvalArguments): Promise<OpenScorers> {
  const bank = await readBank(parsed.bank);
  const backbone = await findBackbone([...parsed.models, builtInModelsFolder()], bank.manifest.backbone);
  const overrides = { index: parsed.index, ...(parsed.threshold === null ? {} : { threshold: parsed.threshold }) };
  const settings = { threads: parsed.threads, spinning: false, provider: "cpu" } as const;
  return OpenScorers.open(bank, backbone, settings, overrides, parsed.approximation);
}
