/**
 * One definition of each subcommand, from which its parser, its `--help`, the man page and the shells' completions come. It is
 * data alone: who prints a help loads no camera, network or image library.
 */
export interface OptionSpec {
  /** What stands for the value in the help, e.g. `FILE`; without it the option is a flag. */
  readonly value?: string;
  /** It may be given several times. */
  readonly multiple?: true;
  readonly help: string;
  /** The words that it takes, for completion. */
  readonly choices?: readonly string[];
  /** A line above it in the help, where a group of options begins. */
  readonly heading?: string;
}

/** In the order of the help. `--help` is added to each. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

export interface CommandSpec<O extends OptionTable = OptionTable> {
  /** As it is typed after `nominald`: `run`, `push bank`. */
  readonly name: string;
  /** One line, for lists of subcommands. */
  readonly summary: string;
  /** What follows the name, one line for each form. */
  readonly usage: readonly string[];
  /** Paragraphs, parted by an empty line. */
  readonly about: string;
  readonly options: O;
  /** What stands for an argument without an option, e.g. `FILE`; null: there is none. */
  readonly operand: string | null;
  /** Paragraphs after the options. */
  readonly closing?: string;
}

/** Subcommands of one noun: `keys generate`, `keys trust`. */
export interface GroupSpec {
  readonly name: string;
  readonly summary: string;
  readonly about?: string;
  readonly commands: readonly CommandSpec[];
}

/** Keeps the names of the options for the compiler. */
export function command<const O extends OptionTable>(spec: CommandSpec<O>): CommandSpec<O> {
  return spec;
}

export function isGroup(entry: CommandSpec | GroupSpec): entry is GroupSpec {
  return "commands" in entry;
}

export const HELP_OPTION: OptionSpec = { help: "this text" };

/** @returns all options that the parser takes, in the order of the help */
export function optionsOf(spec: CommandSpec): readonly (readonly [name: string, option: OptionSpec])[] {
  return [...Object.entries(spec.options), ["help", HELP_OPTION]];
}

/** What a shell offers for a value: files, folders, or nothing of its own. */
export function pathKindOf(value: string | null): "file" | "folder" | null {
  if (value === null) return null;
  if (/^(DIR|FOLDER)\b/.test(value)) return "folder";
  return /^(FILE|BANK)/.test(value) ? "file" : null;
}
