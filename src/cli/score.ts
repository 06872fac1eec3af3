import { availableParallelism } from "node:os";
import { basename, extname, join } from "node:path";
import { decodeImageFile } from "../backbone/decode.ts";
import { builtInModelsFolder, findBackbone } from "../backbone/find.ts";
import { readBank } from "../bank/bundle-read.ts";
import { FrameScorer, type ScoredFrame, type ScorerOverrides } from "../inference/frame-scorer.ts";
import { drawPictures } from "../inference/pictures.ts";
import { percentile } from "../patchcore/percentile.ts";
import { NominalError } from "../shared/errors.ts";
import { EXIT, exitCodeOf } from "../shared/exit-codes.ts";
import { helpOf } from "./command-line/help.ts";
import { parseCommandLine } from "./command-line/parse.ts";
import { INDEX_KINDS } from "./commands/common.ts";
import { SCORE } from "./commands/score.ts";
import type { CommandIo } from "./io.ts";
import { makeOutputFolder, writeOutput } from "./output.ts";

const PICTURE_SIZE = 320;
const MOST_THREADS = 256;

interface ScoreArguments {
  readonly help: boolean;
  readonly bank: string;
  readonly files: string[];
  readonly overlay: string | undefined;
  readonly models: readonly string[];
  readonly threads: number;
  readonly overrides: ScorerOverrides;
}

export async function scoreCommand(args: string[], io: CommandIo): Promise<number> {
  const parsed = parseScoreArguments(args);
  if ("problems" in parsed) {
    io.err(`${parsed.problems.join("\n")}\n\n${helpOf(SCORE)}`);
    return EXIT.usage;
  }
  if (parsed.help) {
    io.out(helpOf(SCORE));
    return EXIT.ok;
  }
  const { files, overlay, models, threads, overrides } = parsed;
  const bank = await readBank(parsed.bank);
  const backbone = await findBackbone([...models, builtInModelsFolder()], bank.manifest.backbone);
  const scorer = await FrameScorer.create(bank, backbone, { threads, spinning: false, provider: "cpu" }, overrides);
  await scorer.learnBounds();
  try {
    if (overlay !== undefined) makeOutputFolder(overlay);
    return await scoreFiles(scorer, files, overlay, io);
  } finally {
    await scorer.close();
  }
}

/**
 * @returns the checked command line, or everything that is wrong with it, one line each
 * @throws TypeError of util.parseArgs for unknown options
 */
function parseScoreArguments(args: string[]): ScoreArguments | { readonly problems: readonly string[] } {
  const { values, positionals } = parseCommandLine(SCORE, args);
  const help = values.help === true;
  const threshold = values.threshold === undefined ? undefined : Number(values.threshold);
  const threads = values.threads === undefined ? Math.min(4, availableParallelism()) : Number(values.threads);
  const index = INDEX_KINDS.find((kind) => kind === (values.index ?? "auto"));
  const problems: string[] = [];
  if (!help && (values.bank === undefined || positionals.length === 0)) {
    problems.push("Expected --bank BANK and at least one FILE");
  }
  if (threshold !== undefined && !(Number.isFinite(threshold) && threshold > 0)) {
    problems.push(`Expected a number above 0 for --threshold but received ${JSON.stringify(values.threshold)}`);
  }
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) {
    const received = JSON.stringify(values.threads);
    problems.push(`Expected an integer from 1 to ${MOST_THREADS} for --threads but received ${received}`);
  }
  if (index === undefined) {
    problems.push(`Expected auto, exact or hnsw for --index but received ${JSON.stringify(values.index)}`);
  }
  const input = values.input === undefined ? undefined : sizeOf(values.input);
  if (input === null) problems.push(`Expected WxH in pixels for --input but received ${JSON.stringify(values.input)}`);
  if (index === undefined || input === null || problems.length > 0) return { problems };
  return {
    help,
    bank: values.bank ?? "",
    files: positionals,
    overlay: values.overlay,
    models: values.models ?? [],
    threads,
    overrides: {
      index,
      ...(threshold === undefined ? {} : { threshold }),
      ...(input === undefined ? {} : { input }),
    },
  };
}

function sizeOf(text: string): { readonly width: number; readonly height: number } | null {
  const [, width, height] = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text) ?? [];
  return width === undefined || height === undefined ? null : { width: Number(width), height: Number(height) };
}

async function scoreFiles(
  scorer: FrameScorer,
  files: string[],
  folder: string | undefined,
  io: CommandIo,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  const verified: number[] = [];
  for (const [number, file] of files.entries()) {
    if (io.signal.aborted) return EXIT.interrupted;
    try {
      const begun = performance.now();
      const frame = await scorer.score(await decodeImageFile(file));
      const ms = Number((performance.now() - begun).toFixed(2));
      const verdict = frame.score <= frame.threshold ? "PASS" : "FAIL";
      const { score, threshold, verifiedPatches } = frame;
      io.out(JSON.stringify({ file, score, threshold, verdict, ms, verifiedPatches }));
      verified.push(verifiedPatches);
      if (folder !== undefined)
        await writePictures(scorer, frame, folder, `${number + 1}-${basename(file, extname(file))}`);
    } catch (error) {
      // One bad file must not hide the scores of the others; anything that is not about the file ends the run.
      if (!(error instanceof NominalError) || error.faultClass !== "input") throw error;
      io.out(JSON.stringify({ file, error: { code: error.code, message: error.message } }));
      exitCode = exitCodeOf(error);
    }
  }
  if (verified.length > 0) {
    const [p50, p99] = [percentile(verified, 50), percentile(verified, 99)].map(Math.ceil);
    io.err(`${verified.length} scored; verified patches a frame: P50 ${p50}, P99 ${p99}`);
  }
  return exitCode;
}

async function writePictures(scorer: FrameScorer, frame: ScoredFrame, folder: string, stem: string): Promise<void> {
  const settings = {
    mask: true,
    overlay: true,
    overlayFormat: "jpeg",
    overlayQuality: 85,
    size: PICTURE_SIZE,
  } as const;
  const { mask, overlay } = await drawPictures(scorer.pictureInput(frame), settings, 0);
  if (mask !== undefined) await writeOutput(join(folder, `${stem}.mask.png`), mask.data);
  if (overlay !== undefined) await writeOutput(join(folder, `${stem}.overlay.jpg`), overlay.data);
}
