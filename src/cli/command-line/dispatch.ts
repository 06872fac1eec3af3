import { EXIT } from "../../shared/exit-codes.ts";
import type { GroupSpec } from "./command-spec.ts";
import { groupHelp, helpOf, lastWord } from "./help.ts";

interface Output {
  out(line: string): void;
  err(line: string): void;
}

/**
 * Hands the rest of the command line to the subcommand that its first word names, or prints a help.
 *
 * @param handlers by the last word of each command's name
 * @returns the exit code; 2 after saying why when there is no such subcommand
 */
export async function dispatch<Io extends Output>(
  group: GroupSpec,
  handlers: Readonly<Record<string, (args: string[], io: Io) => Promise<number> | number>>,
  args: readonly string[],
  io: Io,
): Promise<number> {
  const [word, ...rest] = args;
  if (word === "--help" || word === "-h") {
    io.out(groupHelp(group));
    return EXIT.ok;
  }
  const spec = group.commands.find(({ name }) => lastWord(name) === word);
  const handler = spec === undefined ? undefined : handlers[lastWord(spec.name)];
  if (spec === undefined || handler === undefined) {
    const words = group.commands.map(({ name }) => lastWord(name));
    const several = words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${words.at(-1) ?? ""}` : words.join("");
    io.err(`Expected ${group.name} ${several} but got ${word ?? "nothing"}.\n\n${groupHelp(group)}`);
    return EXIT.usage;
  }
  if (rest.includes("--help")) {
    io.out(helpOf(spec));
    return EXIT.ok;
  }
  return await handler(rest, io);
}
