import { readConfigText } from "../config/document.ts";
import { configJsonSchemaText } from "../config/json-schema.ts";
import { printConfig } from "../config/print-config.ts";
import { effectiveConfig } from "../daemon/effective-config.ts";
import { reasonOf } from "../shared/errors.ts";
import { EXIT } from "../shared/exit-codes.ts";
import type { CommandSpec, OptionTable } from "./command-line/command-spec.ts";
import { dispatch } from "./command-line/dispatch.ts";
import { helpOf } from "./command-line/help.ts";
import { parseCommandLine, type CommandLine } from "./command-line/parse.ts";
import { CONFIG, CONFIG_CHECK, CONFIG_PRINT, CONFIG_SCHEMA } from "./commands/config.ts";
import type { CommandIo } from "./io.ts";

type LineOutput = Pick<CommandIo, "out" | "err">;

/**
 * `nominald config check|print|schema`.
 *
 * @returns 0, or 2 when the command line is wrong
 * @throws ConfigError when the configuration is wrong
 */
export function configCommand(
  args: readonly string[],
  io: LineOutput,
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  return dispatch(
    CONFIG,
    { check: (rest, to) => check(rest, to, env), print: (rest, to) => print(rest, to, env), schema },
    args,
    io,
  );
}

async function check(args: readonly string[], io: LineOutput, env: NodeJS.ProcessEnv): Promise<number> {
  const parsed = withOneFile(CONFIG_CHECK, args, io);
  if (parsed === null) return EXIT.usage;
  const { config } = (await effective(parsed.file, io, env)).loaded;
  io.out(`${parsed.file} is valid: ${summary(config.stations.map(({ line, name }) => `${line}/${name}`))}`);
  return EXIT.ok;
}

async function print(args: readonly string[], io: LineOutput, env: NodeJS.ProcessEnv): Promise<number> {
  const parsed = withOneFile(CONFIG_PRINT, args, io);
  if (parsed === null) return EXIT.usage;
  const { loaded } = await effective(parsed.file, io, env);
  io.out(printConfig(loaded, { origin: parsed.values.origin === true }).trimEnd());
  return EXIT.ok;
}

function schema(args: readonly string[], io: LineOutput): number {
  if (read(CONFIG_SCHEMA, args, io) === null) return EXIT.usage;
  io.out(configJsonSchemaText().trimEnd());
  return EXIT.ok;
}

async function effective(file: string, io: LineOutput, env: NodeJS.ProcessEnv) {
  const found = effectiveConfig({ text: await readConfigText(file), file, env });
  for (const [twin, why] of found.leftOut) io.err(`what was pushed to ${twin} does not hold: ${why}`);
  return found;
}

/** @returns the options and the one FILE; null after saying what is wrong */
function withOneFile<O extends OptionTable>(spec: CommandSpec<O>, args: readonly string[], io: LineOutput) {
  const parsed = read(spec, args, io);
  if (parsed === null) return null;
  const [file, ...more] = parsed.positionals;
  if (file !== undefined && more.length === 0) return { file, values: parsed.values };
  io.err(`Expected one FILE but received ${parsed.positionals.length}.\n\n${helpOf(spec)}`);
  return null;
}

function read<O extends OptionTable>(
  spec: CommandSpec<O>,
  args: readonly string[],
  io: LineOutput,
): CommandLine<O> | null {
  try {
    return parseCommandLine(spec, args);
  } catch (error) {
    io.err(`${reasonOf(error)}\n\n${helpOf(spec)}`);
    return null;
  }
}

function summary(stations: readonly string[]): string {
  return `${stations.length} station${stations.length === 1 ? "" : "s"}, ${stations.join(", ")}`;
}
