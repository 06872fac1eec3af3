import { readConfigText } from "../config/document.ts";
import { configJsonSchemaText } from "../config/json-schema.ts";
import { printConfig } from "../config/print-config.ts";
import { effectiveConfig } from "../daemon/effective-config.ts";
import { EXIT } from "../shared/exit-codes.ts";
import type { CommandIo } from "./io.ts";

type LineOutput = Pick<CommandIo, "out" | "err">;

const USAGE = `Usage:
  nominald config check FILE            check a configuration; lists every problem
  nominald config print FILE [--origin] print it as it takes effect: defaults, the file, what was pushed, the environment;
                                        --origin says where each value comes from
  nominald config schema                print its JSON Schema`;

/**
 * `nominald config check|print|schema`.
 *
 * @returns 0, or 2 when the command line is wrong
 * @throws ConfigError when the configuration is wrong
 */
export async function configCommand(
  args: readonly string[],
  io: LineOutput,
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const [action, ...rest] = args;
  const origin = action === "print" && rest.includes("--origin");
  const files = origin ? rest.filter((argument) => argument !== "--origin") : rest;
  const file = files[0];
  if (action === "--help" || action === "-h") {
    io.out(USAGE);
    return EXIT.ok;
  }
  const stray = files.find((argument) => argument.startsWith("-"));
  if (stray !== undefined)
    return usage(io, `Expected no option ${stray} for nominald config ${action ?? ""}`.trimEnd());
  switch (action) {
    case "schema":
      if (files.length > 0)
        return usage(io, `Expected nothing after nominald config schema but received ${files.join(" ")}`);
      io.out(configJsonSchemaText().trimEnd());
      return EXIT.ok;
    case "check":
    case "print": {
      if (file === undefined || files.length > 1) {
        return usage(io, `Expected one file after nominald config ${action} but received ${files.length}`);
      }
      const { loaded, leftOut } = effectiveConfig({ text: await readConfigText(file), file, env });
      for (const [twin, why] of leftOut) io.err(`what was pushed to ${twin} does not hold: ${why}`);
      if (action === "print") io.out(printConfig(loaded, { origin }).trimEnd());
      else io.out(`${file} is valid: ${summary(loaded.config.stations.map(({ line, name }) => `${line}/${name}`))}`);
      return EXIT.ok;
    }
    default:
      return usage(io, `Expected check, print or schema after nominald config but received ${action ?? "nothing"}`);
  }
}

function usage(io: LineOutput, message: string): number {
  io.err(message);
  io.err(USAGE);
  return EXIT.usage;
}

function summary(stations: readonly string[]): string {
  return `${stations.length} station${stations.length === 1 ? "" : "s"}, ${stations.join(", ")}`;
}
