import { EXIT } from "../shared/exit-codes.ts";
import type { CommandIo } from "./io.ts";
import { pushConfigCommand } from "./push/config.ts";

const HELP = `usage: nominald push config FILE --to URL --station LINE/NAME --key FILE [options]

Sends signed documents to devices over their broker. "nominald push config --help" says more.`;

/** `nominald push config`: what is signed here is checked, applied and proved there. */
export function pushCommand(args: string[], io: CommandIo): Promise<number> {
  const [what, ...rest] = args;
  switch (what) {
    case "config":
      return pushConfigCommand(rest, io);
    case "--help":
      io.out(HELP);
      return Promise.resolve(EXIT.ok);
    default:
      io.err(`Expected push config but got ${what ?? "nothing"}.\n\n${HELP}`);
      return Promise.resolve(EXIT.usage);
  }
}
