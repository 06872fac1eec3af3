import { isGroup, type CommandSpec, type GroupSpec } from "../command-line/command-spec.ts";
import { BANK } from "./bank.ts";
import { CAPTURE } from "./capture.ts";
import { CONFIG } from "./config.ts";
import { DEMO } from "./demo.ts";
import { DOCTOR } from "./doctor.ts";
import { EVAL } from "./eval.ts";
import { FIT } from "./fit.ts";
import { INSTALL } from "./install.ts";
import { KEYS } from "./keys.ts";
import { MODELS } from "./models.ts";
import { PUSH } from "./push.ts";
import { REPRODUCE } from "./reproduce.ts";
import { RUN } from "./run.ts";
import { SCORE } from "./score.ts";

const BY_NAME = {
  ...{ run: RUN, fit: FIT, bank: BANK, score: SCORE, eval: EVAL, reproduce: REPRODUCE, config: CONFIG, models: MODELS },
  ...{ push: PUSH, keys: KEYS, doctor: DOCTOR, capture: CAPTURE, install: INSTALL, demo: DEMO },
} as const satisfies Readonly<Record<string, CommandSpec | GroupSpec>>;

/** What may follow `nominald`. */
export type CommandName = keyof typeof BY_NAME;

/** Every subcommand, in the order of `nominald --help`. */
export const ALL_COMMANDS: readonly (CommandSpec | GroupSpec)[] = Object.values(BY_NAME);

/** Those that take options: the subcommands of a noun one by one. */
export function leafCommands(): readonly CommandSpec[] {
  return ALL_COMMANDS.flatMap((entry) => (isGroup(entry) ? entry.commands : [entry]));
}
