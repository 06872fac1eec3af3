import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, extname, join } from "node:path";
import { parseArgs } from "node:util";
import { decodeImageFile } from "../backbone/decode.ts";
import { builtInModelsFolder, findBackbone } from "../backbone/find.ts";
import { readBank } from "../bank/bundle-read.ts";
import { FrameScorer, type ScoredFrame } from "../inference/frame-scorer.ts";
import { drawPictures } from "../inference/pictures.ts";
import { ConfigError, NominalError } from "../shared/errors.ts";
import { EXIT, exitCodeOf } from "../shared/exit-codes.ts";
import type { CommandIo } from "./io.ts";

const HELP = `usage: nominald score --bank BANK [options] FILE…

Scores image files against a memory bank; one JSON object a line on stdout:
{"file", "score", "threshold", "verdict", "ms"}. A file that cannot be scored gives {"file", "error"} and exit code 4.

  --bank BANK          the memory bank that nominald fit wrote
  --overlay DIR        write overlay and mask of the Nth FILE into DIR as N-name.overlay.jpg, N-name.mask.png
  --threshold NUMBER   instead of the bank's threshold
  --index KIND         auto, exact or hnsw
  --models DIR         a folder of further backbones (may be repeated)
  --threads N          default: the machine's cores, at most 4`;

const PICTURE_SIZE = 320;

export async function scoreCommand(args: string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      bank: { type: "string" },
      overlay: { type: "string" },
      threshold: { type: "string" },
      index: { type: "string" },
      models: { type: "string", multiple: true },
      threads: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) {
    io.out(HELP);
    return EXIT.ok;
  }
  if (values.bank === undefined || positionals.length === 0) {
    io.err(`Expected --bank BANK and at least one FILE.\n\n${HELP}`);
    return EXIT.usage;
  }
  const threshold = positiveNumber("--threshold", values.threshold);
  const threads = positiveNumber("--threads", values.threads) ?? Math.min(4, availableParallelism());
  const bank = await readBank(values.bank);
  const backbone = await findBackbone([...(values.models ?? []), builtInModelsFolder()], bank.manifest.backbone);
  const scorer = await FrameScorer.create(
    bank,
    backbone,
    { threads, spinning: false, provider: "cpu" },
    { index: indexKind(values.index), ...(threshold === undefined ? {} : { threshold }) },
  );
  try {
    if (values.overlay !== undefined) await mkdir(values.overlay, { recursive: true });
    return await scoreFiles(scorer, positionals, values.overlay, io);
  } finally {
    await scorer.close();
  }
}

async function scoreFiles(
  scorer: FrameScorer,
  files: string[],
  folder: string | undefined,
  io: CommandIo,
): Promise<number> {
  let exitCode: number = EXIT.ok;
  for (const [number, file] of files.entries()) {
    if (io.signal.aborted) return EXIT.interrupted;
    try {
      const begun = performance.now();
      const frame = await scorer.score(await decodeImageFile(file));
      const ms = Number((performance.now() - begun).toFixed(2));
      const verdict = frame.score <= frame.threshold ? "PASS" : "FAIL";
      io.out(JSON.stringify({ file, score: frame.score, threshold: frame.threshold, verdict, ms }));
      if (folder !== undefined)
        await writePictures(scorer, frame, folder, `${number + 1}-${basename(file, extname(file))}`);
    } catch (error) {
      // One bad file must not hide the scores of the others; anything that is not about the file ends the run.
      if (!(error instanceof NominalError) || error.faultClass !== "input") throw error;
      io.out(JSON.stringify({ file, error: { code: error.code, message: error.message } }));
      exitCode = exitCodeOf(error);
    }
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
  if (mask !== undefined) await writeFile(join(folder, `${stem}.mask.png`), mask.data);
  if (overlay !== undefined) await writeFile(join(folder, `${stem}.overlay.jpg`), overlay.data);
}

function positiveNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new ConfigError("bad-option", `Expected a number above 0 for ${option} but got ${JSON.stringify(text)}`);
}

function indexKind(text: string | undefined): "auto" | "exact" | "hnsw" {
  switch (text) {
    case undefined:
    case "auto":
      return "auto";
    case "exact":
    case "hnsw":
      return text;
    default:
      throw new ConfigError("bad-option", `Expected auto, exact or hnsw for --index but got ${JSON.stringify(text)}`);
  }
}
