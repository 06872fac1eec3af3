import { join } from "node:path";
import { builtInModelsFolder } from "../backbone/find.ts";
import { machineName } from "../evaluation/machine.ts";
import { CellStore } from "../evaluation/reproduce/cell-store.ts";
import { reproductionMarkdown } from "../evaluation/reproduce/markdown.ts";
import { planCells, type Cell } from "../evaluation/reproduce/plan.ts";
import { reproductionPage } from "../evaluation/reproduce/reproduction-page.ts";
import { reproductionOf, type Reproduction } from "../evaluation/reproduce/reproduction.ts";
import { runCells, type CellOutcome } from "../evaluation/reproduce/run-cells.ts";
import { number4 } from "../evaluation/format.ts";
import { EXIT } from "../shared/exit-codes.ts";
import { productVersion } from "../shared/version.ts";
import { helpOf } from "./command-line/help.ts";
import { REPRODUCE } from "./commands/reproduce.ts";
import type { CommandIo } from "./io.ts";
import { makeOutputFolder, writeOutput } from "./output.ts";
import { parseReproduceArguments, type ReproduceArguments } from "./reproduce-arguments.ts";

/** `nominald reproduce`: the seed paper's tables, by this program, on a data set that the user has. */
export async function reproduceCommand(args: string[], io: CommandIo): Promise<number> {
  const parsed = parseReproduceArguments(args);
  if ("problems" in parsed) {
    io.err(`${parsed.problems.join("\n")}\n\n${helpOf(REPRODUCE)}`);
    return EXIT.usage;
  }
  if (parsed.help) {
    io.out(helpOf(REPRODUCE));
    return EXIT.ok;
  }
  const { seed, preset, ratio, size } = parsed;
  const cells = await planCells({
    ...parsed,
    modelsFolders: [...parsed.models, builtInModelsFolder()],
    basis: { preset, seed, ratio, size },
  });
  const cellFolder = join(parsed.out, "cells");
  makeOutputFolder(cellFolder);
  const outcomes = await runCells(cells, {
    store: new CellStore(cellFolder),
    folder: parsed.out,
    threads: parsed.threads,
    signal: io.signal,
    program: `nominald ${productVersion()}`,
    onCell: (cell, outcome, done) => io.err(`${done} of ${cells.length}: ${cellText(cell, outcome)}`),
  });
  const run = reproductionOf(cells, outcomes, settingText(parsed), machineName());
  await writeAll(parsed.out, run);
  io.out(reproductionMarkdown(run).trimEnd());
  if (io.signal.aborted) {
    io.err(`stopped; ${run.open} of ${run.cells} cells are open, the same command goes on`);
    return EXIT.interrupted;
  }
  return run.failures.length > 0 ? EXIT.input : EXIT.ok;
}

function cellText({ key, ablation }: Cell, outcome: CellOutcome): string {
  const name = ablation === null ? key : `${key} (${ablation.axis} ${ablation.value})`;
  if (outcome.kind === "failed") return `${name} failed: ${outcome.reason}`;
  const { imageAuroc, pixelAuroc } = outcome.result;
  const before = outcome.kind === "stored" ? ", from an earlier run" : "";
  return `${name} image AUROC ${number4(imageAuroc)}, pixel AUROC ${number4(pixelAuroc)}${before}`;
}

function settingText({ preset, subset, seed, ratio, size }: ReproduceArguments): string {
  const changed = [
    ...(ratio === null ? [] : [`ratio ${ratio}`]),
    ...(size === null ? [] : [`input ${size} × ${size}`]),
    `seed ${seed}`,
    `smaller training sets: ${subset === "first" ? "the first by name" : "drawn at random"}`,
  ];
  return `Preset ${preset}, ${changed.join(", ")}`;
}

async function writeAll(folder: string, run: Reproduction): Promise<void> {
  await writeOutput(join(folder, "reproduction.md"), Buffer.from(reproductionMarkdown(run)));
  await writeOutput(join(folder, "reproduction.html"), Buffer.from(reproductionPage(run)));
  await writeOutput(join(folder, "reproduction.json"), Buffer.from(`${JSON.stringify(run, null, 1)}\n`));
}
