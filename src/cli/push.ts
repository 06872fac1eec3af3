import { dispatch } from "./command-line/dispatch.ts";
import { PUSH } from "./commands/push.ts";
import type { CommandIo } from "./io.ts";
import { pushBankCommand } from "./push/bank.ts";
import { pushConfigCommand } from "./push/config.ts";

/** `nominald push`: what is signed here is checked, applied and proved there. */
export function pushCommand(args: string[], io: CommandIo): Promise<number> {
  return dispatch(PUSH, { config: pushConfigCommand, bank: pushBankCommand }, args, io);
}
