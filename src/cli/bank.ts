import { parseArgs } from "node:util";
import { readBank, readBankManifest } from "../bank/bundle-read.ts";
import type { BankHead } from "../bank/bundle-read.ts";
import { writeBank } from "../bank/bundle-write.ts";
import { changedCalibration, changedGolden } from "../fit/change-threshold.ts";
import type { ThresholdChange } from "../fit/change-threshold.ts";
import { thresholdLines } from "../fit/summary.ts";
import { reasonOf } from "../shared/errors.ts";
import { EXIT } from "../shared/exit-codes.ts";
import type { CommandIo } from "./io.ts";

const HELP = `usage: nominald bank show BANK [--json]
       nominald bank threshold BANK --frr R | --score X [--mask Y] [--out BANK2]

show        what the bank is and what its thresholds stand for; --json: its manifest
threshold   gives the bank other thresholds without refitting: its rows stay, its id changes
  --frr R     for this false-reject rate, from the nominal images' scores that the bank holds
  --score X   this image threshold; --mask Y: this mask threshold, default: as it is
  --out FILE  write the changed bank there, default: in BANK's place`;

export async function bankCommand(args: string[], io: Pick<CommandIo, "out" | "err">): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case "show":
      return await show(rest, io);
    case "threshold":
      return await threshold(rest, io);
    case "--help":
      io.out(HELP);
      return EXIT.ok;
    default:
      return usage(io, `Expected bank show or bank threshold but got ${command ?? "nothing"}.`);
  }
}

type Output = Pick<CommandIo, "out" | "err">;

async function show(args: string[], io: Output): Promise<number> {
  const parsed = parse(args, { json: { type: "boolean" } } as const);
  if (typeof parsed === "string") return usage(io, parsed);
  const head = await readBankManifest(parsed.bank);
  for (const line of parsed.values.json === true ? [JSON.stringify(head.manifest, null, 2)] : linesOf(head))
    io.out(line);
  return EXIT.ok;
}

async function threshold(args: string[], io: Output): Promise<number> {
  const text = { type: "string" } as const;
  const parsed = parse(args, { frr: text, score: text, mask: text, out: text });
  if (typeof parsed === "string") return usage(io, parsed);
  const { frr, score, mask, out } = parsed.values;
  const change = changeOf(frr, score, mask);
  if (typeof change === "string") return usage(io, change);
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

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>["options"]>;

/** @returns options and the one BANK, or what is wrong */
function parse<const T extends Options>(args: string[], options: T) {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
    const [bank, ...others] = positionals;
    if (bank === undefined || others.length > 0) return `Expected one BANK but got ${positionals.length}.`;
    return { values, bank };
  } catch (error) {
    return reasonOf(error);
  }
}

function usage(io: Output, problem: string): number {
  io.err(`${problem}\n\n${HELP}`);
  return EXIT.usage;
}
