import { EXIT } from "../shared/exit-codes.ts";
import type { CommandIo } from "./io.ts";
import { pushBankCommand } from "./push/bank.ts";
import { pushConfigCommand } from "./push/config.ts";

const HELP = `usage: nominald push config FILE --to URL --station LINE/NAME --key FILE [options]
       nominald push bank BANK --to URL --station LINE/NAME --key FILE [options]

Sends signed documents, and memory banks, to devices over their broker. "nominald push config --help" and
"nominald push bank --help" say more.`;

/** `nominald push`: what is signed here is checked, applied and proved there. */
export function pushCommand(args: string[], io: CommandIo): Promise<number> {
  const [what, ...rest] = args;
  switch (what) {
    case "config":
      return pushConfigCommand(rest, io);
    case "bank":
      return pushBankCommand(rest, io);
    case "--help":
      io.out(HELP);
      return Promise.resolve(EXIT.ok);
    default:
      io.err(`Expected push config or push bank but got ${what ?? "nothing"}.\n\n${HELP}`);
      return Promise.resolve(EXIT.usage);
  }
}
