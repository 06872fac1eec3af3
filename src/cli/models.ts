import { basename, dirname, join } from "node:path";
import { checkBackbone, type BackboneReport } from "../backbone/check.ts";
import { builtInModelsFolder, listBackbones } from "../backbone/find.ts";
import type { PreferredInput } from "../backbone/manifest.ts";
import { InputError, reasonOf } from "../shared/errors.ts";
import { EXIT } from "../shared/exit-codes.ts";
import type { CommandSpec, OptionTable } from "./command-line/command-spec.ts";
import { dispatch } from "./command-line/dispatch.ts";
import { helpOf } from "./command-line/help.ts";
import { parseCommandLine } from "./command-line/parse.ts";
import { MODELS, MODELS_CHECK, MODELS_LIST } from "./commands/models.ts";
import type { CommandIo } from "./io.ts";
import { quantizeCommand } from "./models-quantize.ts";

export function modelsCommand(args: string[], io: CommandIo): Promise<number> {
  return dispatch(MODELS, { check, list, quantize: quantizeCommand }, args, io);
}

type Output = Pick<CommandIo, "out" | "err">;

async function check(args: string[], io: Output): Promise<number> {
  const positionals = parsed(MODELS_CHECK, args, io)?.positionals;
  if (positionals === undefined) return EXIT.usage;
  if (positionals.length === 0) {
    io.err(`Expected at least one FILE.\n\n${helpOf(MODELS_CHECK)}`);
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
  const result = parsed(MODELS_LIST, args, io);
  if (result === undefined) return EXIT.usage;
  for (const one of await listBackbones([...(result.values.models ?? []), builtInModelsFolder()])) {
    if ("problem" in one) io.out(`${one.manifestPath}: PROBLEM ${one.problem}`);
    else
      io.out(`${one.manifest.name}  ${one.manifest.sha256.slice(0, 12)}  ${one.manifest.licence}  ${one.manifestPath}`);
  }
  return EXIT.ok;
}

/** @returns undefined, after saying why, when the arguments cannot be understood */
function parsed<O extends OptionTable>(spec: CommandSpec<O>, args: string[], io: Output) {
  try {
    return parseCommandLine(spec, args);
  } catch (error) {
    io.err(`${reasonOf(error)}\n\n${helpOf(spec)}`);
    return undefined;
  }
}
