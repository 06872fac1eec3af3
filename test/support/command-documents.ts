import { bashCompletion } from "../../src/cli/command-line/bash-completion.ts";
import { fishCompletion } from "../../src/cli/command-line/fish-completion.ts";
import { manPage } from "../../src/cli/command-line/man-page.ts";
import { zshCompletion } from "../../src/cli/command-line/zsh-completion.ts";
import { ALL_COMMANDS } from "../../src/cli/commands/all.ts";
import { productVersion } from "../../src/shared/version.ts";

/** Files below docs/ that are made of the definitions of the subcommands, with what they must hold. */
export function commandDocuments(): Readonly<Record<string, string>> {
  return {
    "nominald.1": manPage(ALL_COMMANDS, productVersion()),
    "completion/nominald.bash": bashCompletion(ALL_COMMANDS),
    "completion/_nominald": zshCompletion(ALL_COMMANDS),
    "completion/nominald.fish": fishCompletion(ALL_COMMANDS),
  };
}
