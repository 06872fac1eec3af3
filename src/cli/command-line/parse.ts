import { parseArgs } from "node:util";
import type { CommandSpec, OptionSpec, OptionTable } from "./command-spec.ts";

type ValueOf<S extends OptionSpec> = S extends { readonly value: string }
  ? S extends { readonly multiple: true }
    ? string[]
    : string
  : boolean;

export type Values<O extends OptionTable> = { readonly [K in keyof O]?: ValueOf<O[K]> } & { readonly help?: boolean };

export interface CommandLine<O extends OptionTable> {
  readonly values: Values<O>;
  /** Arguments without an option; none where the subcommand has no operand. */
  readonly positionals: string[];
}

/**
 * The one place where a subcommand's arguments are read.
 *
 * @throws TypeError of util.parseArgs for an unknown option, a missing value, or an operand that there is no place for
 */
export function parseCommandLine<O extends OptionTable>(spec: CommandSpec<O>, args: readonly string[]): CommandLine<O> {
  const options = Object.fromEntries(
    Object.entries<OptionSpec>(spec.options).map(([name, { value, multiple = false }]) => [
      name,
      { type: value === undefined ? ("boolean" as const) : ("string" as const), multiple },
    ]),
  );
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { ...options, help: { type: "boolean" } },
    allowPositionals: spec.operand !== null,
    strict: true,
  });
  // The table that was parsed by is the one that the type is made of.
  return { values: { ...values } as Values<O>, positionals };
}
