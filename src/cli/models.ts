import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { checkBackbone, type BackboneReport } from "../backbone/check.ts";
import { builtInModelsFolder, listBackbones } from "../backbone/find.ts";
import type { PreferredInput } from "../backbone/manifest.ts";
import { InputError, reasonOf } from "../shared/errors.ts";
import { EXIT } from "../shared/exit-codes.ts";
import type { CommandIo } from "./io.ts";

const HELP = `usage: nominald models check FILE…
       nominald models list [--models DIR]

check   compares a backbone's manifest with its ONNX file. FILE is the manifest.json, or the ONNX file that lies
        beside it. Lists everything that differs; exit code 4 when something does.
list    the backbones that come with nominald, and those in DIR (may be repeated).`;

export async function modelsCommand(args: string[], io: Pick<CommandIo, "out" | "err">): Promise<number> {
  const [command, ...files] = args;
  switch (command) {
    case "check":
      return await check(files, io);
    case "list":
      return await list(files, io);
    case "--help":
      io.out(HELP);
      return EXIT.ok;
    default:
      io.err(`Expected models check or models list but got ${command ?? "nothing"}.\n\n${HELP}`);
      return EXIT.usage;
  }
}

type Output = Pick<CommandIo, "out" | "err">;

async function check(args: string[], io: Output): Promise<number> {
  const positionals = parsed(args, io, {})?.positionals;
  if (positionals === undefined) return EXIT.usage;
  if (positionals.length === 0) {
    io.err(`Expected at least one FILE.\n\n${HELP}`);
    return EXIT.usage;
  }
  let exitCode: number = EXIT.ok;
  for (const file of positionals) {
    const report = await checkBackbone(file.endsWith(".json") ? file : join(dirname(file), "manifest.json"));
    if (!file.endsWith(".json") && basename(file) !== report.manifest.file) {
      const text = `Expected a manifest.json that names ${basename(file)} beside it but it names ${report.manifest.file}`;
      throw new InputError("wrong-manifest", text);
    }
    for (const line of linesOf(report)) io.out(line);
    if (report.problems.length > 0) exitCode = EXIT.input;
  }
  return exitCode;
}

function linesOf({ manifest, modelPath, modelBytes, nodes, irVersion, problems }: BackboneReport): string[] {
  const verdict = problems.length === 0 ? "ok" : `${problems.length} problem${problems.length === 1 ? "" : "s"}`;
  const { input } = manifest;
  return [
    `${manifest.name}: ${verdict}`,
    `  model    ${modelPath}, ${modelBytes} bytes, ${nodes} nodes, opset ${manifest.opset}, IR ${irVersion}`,
    `  input    ${input.name}, ${input.colourOrder}, sides multiples of ${input.multiple}, mean ${input.mean.join(" ")}, std ${input.std.join(" ")}`,
    ...(input.preferred === undefined ? [] : [`  trained  ${trainedOn(input.preferred)}`]),
    ...manifest.outputs.map(
      ({ name, channels, stride }) => `  output   ${name}, ${channels} channels, stride ${stride}`,
    ),
    `  licence  ${manifest.licence}`,
    ...problems.map((problem) => `  PROBLEM  ${problem}`),
  ];
}

function trainedOn({ shorterSide, width, height, kernel }: PreferredInput): string {
  return `on shorter side ${shorterSide} (${kernel}), the middle ${width} × ${height}`;
}

async function list(args: string[], io: Output): Promise<number> {
  const result = parsed(args, io, { models: { type: "string", multiple: true } } as const);
  if (result === undefined) return EXIT.usage;
  if (result.positionals.length > 0) {
    io.err(`Expected no FILE after models list but got ${result.positionals.join(" ")}.\n\n${HELP}`);
    return EXIT.usage;
  }
  for (const one of await listBackbones([...(result.values.models ?? []), builtInModelsFolder()])) {
    if ("problem" in one) io.out(`${one.manifestPath}: PROBLEM ${one.problem}`);
    else
      io.out(`${one.manifest.name}  ${one.manifest.sha256.slice(0, 12)}  ${one.manifest.licence}  ${one.manifestPath}`);
  }
  return EXIT.ok;
}

type Options = NonNullable<Parameters<typeof parseArgs>[0]>["options"] & object;

/** @returns undefined, after saying why, when the arguments cannot be understood */
function parsed<const T extends Options>(args: string[], io: Output, options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    io.err(`${reasonOf(error)}\n\n${HELP}`);
    return undefined;
  }
}
