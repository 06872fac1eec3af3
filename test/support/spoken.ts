import type { CommandIo } from "../../src/cli/io.ts";
import { NominalError } from "../../src/shared/errors.ts";
import { EXIT, exitCodeOf } from "../../src/shared/exit-codes.ts";

export interface Spoken {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a subcommand in this process, for what it says of a wrong command line; errors become what `main` makes of them. */
export async function spoken(
  command: (args: string[], io: CommandIo) => Promise<number>,
  args: readonly string[],
  isTerminal = false,
): Promise<Spoken> {
  const out: string[] = [];
  const err: string[] = [];
  const io: CommandIo = {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    isTerminal,
    signal: new AbortController().signal,
  };
  const code = await command([...args], io).catch((error: unknown) => {
    if (error instanceof NominalError) err.push(`nominald: ${error.code}: ${error.message}`);
    else if (error instanceof TypeError) err.push(error.message);
    else throw error;
    return error instanceof NominalError ? exitCodeOf(error) : EXIT.usage;
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}
