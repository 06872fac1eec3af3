import { readBank, readBankManifest } from "../bank/bundle-read.ts";
import type { BankHead } from "../bank/bundle-read.ts";
import { writeBank } from "../bank/bundle-write.ts";
import { changedCalibration, changedGolden } from "../fit/change-threshold.ts";
import type { ThresholdChange } from "../fit/change-threshold.ts";
import { thresholdLines } from "../fit/summary.ts";
import { reasonOf } from "../shared/errors.ts";
import { EXIT } from "../shared/exit-codes.ts";
import type { CommandSpec, OptionTable } from "./command-line/command-spec.ts";
import { dispatch } from "./command-line/dispatch.ts";
import { helpOf } from "./command-line/help.ts";
import { parseCommandLine } from "./command-line/parse.ts";
import { BANK, BANK_SHOW, BANK_THRESHOLD } from "./commands/bank.ts";
import type { CommandIo } from "./io.ts";

export function bankCommand(args: string[], io: Pick<CommandIo, "out" | "err">): Promise<number> {
  return dispatch(BANK, { show, threshold }, args, io);
}

type Output = Pick<CommandIo, "out" | "err">;

async function show(args: string[], io: Output): Promise<number> {
  const parsed = parse(BANK_SHOW, args);
  if (typeof parsed === "string") return usage(io, BANK_SHOW, parsed);
  const head = await readBankManifest(parsed.bank);
  for (const line of parsed.values.json === true ? [JSON.stringify(head.manifest, null, 2)] : linesOf(head))
    io.out(line);
  return EXIT.ok;
}

async function threshold(args: string[], io: Output): Promise<number> {
  const parsed = parse(BANK_THRESHOLD, args);
  if (typeof parsed === "string") return usage(io, BANK_THRESHOLD, parsed);
  const { frr, score, mask, out } = parsed.values;
  const change = changeOf(frr, score, mask);
  if (typeof change === "string") return usage(io, BANK_THRESHOLD, change);
  const bank = await readBank(parsed.bank);
  const { files: _files, format: _format, formatVersion: _version, ...manifest } = bank.manifest;
  const calibration = changedCalibration(manifest.calibration, change);
  const golden = changedGolden(manifest.golden, calibration.threshold);
  const path = out ?? parsed.bank;
  const written = await writeBank(path, { ...bank, manifest: { ...manifest, calibration, golden } });
  io.out(`bank       ${path}`);
  for (const line of linesOf(written)) io.out(line);
  return EXIT.ok;
}

/** @returns what to change, or what is wrong with it */
function changeOf(
  frr: string | undefined,
  score: string | undefined,
  mask: string | undefined,
): ThresholdChange | string {
  if ((frr === undefined) === (score === undefined)) return "Expected either --frr R or --score X.";
  if (frr !== undefined) {
    if (mask !== undefined) return "Expected --mask Y beside --score X alone.";
    const rate = Number(frr);
    return rate > 0 && rate < 1
      ? { falseRejectRate: rate }
      : `Expected a number between 0 and 1 for --frr but got ${frr}.`;
  }
  for (const [name, value] of [
    ["score", score],
    ["mask", mask],
  ] as const) {
    if (value !== undefined && !(Number(value) > 0 && Number.isFinite(Number(value))))
      return `Expected a number above 0 for --${name} but got ${value}.`;
  }
  return { threshold: Number(score), maskThreshold: mask === undefined ? null : Number(mask) };
}

function linesOf({ manifest, bankId }: Pick<BankHead, "manifest" | "bankId">): string[] {
  const { nominal, grid, rows, dims, parameters, backbone } = manifest;
  return [
    `id         ${bankId}`,
    `made       ${manifest.createdAt} by ${manifest.createdBy}`,
    `preset     ${parameters.preset}, ${parameters.resize.width} × ${parameters.resize.height}, ${backbone.name} ${parameters.layers.join(" + ")}`,
    `rows       ${rows} of ${nominal.patches} patches (${nominal.images} images, grid ${grid.rows} × ${grid.cols}), ${dims} dimensions`,
    ...thresholdLines(manifest),
  ];
}

/** @returns options and the one BANK, or what is wrong */
function parse<O extends OptionTable>(spec: CommandSpec<O>, args: string[]) {
  try {
    const { values, positionals } = parseCommandLine(spec, args);
    const [bank, ...others] = positionals;
    if (bank === undefined || others.length > 0) return `Expected one BANK but got ${positionals.length}.`;
    return { values, bank };
  } catch (error) {
    return reasonOf(error);
  }
}

function usage(io: Output, spec: CommandSpec, problem: string): number {
  io.err(`${problem}\n\n${helpOf(spec)}`);
  return EXIT.usage;
}
