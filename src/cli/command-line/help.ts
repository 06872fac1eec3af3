import { type CommandSpec, type GroupSpec, isGroup, optionsOf, type OptionSpec } from "./command-spec.ts";

/** Characters of a line of help. */
const WIDTH = 120;
const GAP = 2;

/** What `nominald <subcommand> --help` prints. */
export function helpOf(spec: CommandSpec): string {
  const rows = optionsOf(spec).map(([name, option]) => ({ option, left: `  ${optionWord(name, option)}` }));
  const column = Math.max(...rows.map(({ left }) => left.length)) + GAP;
  const options = rows.flatMap(({ option, left }) => [
    ...(option.heading === undefined ? [] : ["", option.heading, ""]),
    ...beside(left.padEnd(column), helpText(option)),
  ]);
  const blocks = [
    usageLines([spec]).join("\n"),
    ...(spec.about === "" ? [] : [paragraphs(spec.about)]),
    options.join("\n"),
    ...(spec.closing === undefined ? [] : [paragraphs(spec.closing)]),
  ];
  return blocks.join("\n\n");
}

/** What `nominald <noun> --help` prints. */
export function groupHelp(group: GroupSpec): string {
  const words = group.commands.map(({ name }) => lastWord(name));
  const column = Math.max(...words.map((word) => word.length)) + GAP;
  const list = group.commands.flatMap((spec, i) => beside((words[i] ?? "").padEnd(column), spec.summary));
  const blocks = [
    usageLines(group.commands).join("\n"),
    list.join("\n"),
    ...(group.about === undefined ? [] : [paragraphs(group.about)]),
    `"nominald ${group.name} ${words[0] ?? ""} --help" and so on say more.`,
  ];
  return blocks.join("\n\n");
}

/** What `nominald --help` prints. */
export function programHelp(entries: readonly (CommandSpec | GroupSpec)[]): string {
  const column = Math.max(...entries.map(({ name }) => name.length)) + 2 * GAP;
  const list = entries.flatMap((entry) => beside(`  ${entry.name}`.padEnd(column), entrySummary(entry)));
  return ["usage: nominald <subcommand> [options]", "", ...list, "", "nominald <subcommand> --help says more."].join(
    "\n",
  );
}

function entrySummary(entry: CommandSpec | GroupSpec): string {
  if (!isGroup(entry)) return entry.summary;
  return `${entry.summary}: ${entry.name} ${entry.commands.map(({ name }) => lastWord(name)).join("|")}`;
}

/** `--models DIR`, `--json`. */
export function optionWord(name: string, { value }: OptionSpec): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

export function helpText({ help, multiple }: OptionSpec): string {
  return multiple === true ? `${help} (may be repeated)` : help;
}

export function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(" ") + 1);
}

function usageLines(specs: readonly CommandSpec[]): string[] {
  return specs
    .flatMap(({ name, usage }) => usage.map((form) => `nominald ${name} ${form}`.trimEnd()))
    .map((line, i) => `${i === 0 ? "usage: " : "       "}${line}`);
}

function paragraphs(text: string): string {
  return text
    .split("\n\n")
    .map((paragraph) => wrap(paragraph, WIDTH).join("\n"))
    .join("\n\n");
}

/** A text to the right of its heading, its further lines below its own beginning. */
function beside(left: string, text: string): string[] {
  return wrap(text, WIDTH - left.length).map((line, i) => (i === 0 ? left : " ".repeat(left.length)) + line);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
