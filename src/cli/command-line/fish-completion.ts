import { isGroup, optionsOf, pathKindOf, type CommandSpec, type GroupSpec } from "./command-spec.ts";
import { helpText, lastWord } from "./help.ts";

/** A completion for fish. */
export function fishCompletion(entries: readonly (CommandSpec | GroupSpec)[]): string {
  const first = entries.map(
    ({ name, summary }) => `complete -c nominald -f -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
  );
  const rest = entries.flatMap((entry) => (isGroup(entry) ? groupLines(entry) : leafLines(entry, seen(entry.name))));
  return `${["# Made by npm run docs from src/cli/commands; changes belong there.", ...first, ...rest].join("\n")}\n`;
}

function groupLines({ name, commands }: GroupSpec): string[] {
  const words = commands.map((spec) => lastWord(spec.name));
  const open = `${seen(name)}; and not __fish_seen_subcommand_from ${words.join(" ")}`;
  return commands.flatMap((spec) => [
    `complete -c nominald -f -n ${quoted(open)} -a ${lastWord(spec.name)} -d ${quoted(spec.summary)}`,
    ...leafLines(spec, `${seen(name)}; and ${seen(lastWord(spec.name))}`),
  ]);
}

function leafLines(spec: CommandSpec, condition: string): string[] {
  const given = `complete -c nominald -n ${quoted(condition)}`;
  const operand = pathKindOf(spec.operand) === null ? [`${given} -f`] : [`${given} -F`];
  return [
    ...operand,
    ...optionsOf(spec).map(([name, option]) => {
      const head = `${given} -l ${name} -d ${quoted(helpText(option))}`;
      if (option.value === undefined) return head;
      if (option.choices !== undefined) return `${head} -x -a ${quoted(option.choices.join(" "))}`;
      const kind = pathKindOf(option.value);
      return kind === null
        ? `${head} -x`
        : `${head} -r${kind === "file" ? " -F" : ` -f -a ${quoted("(__fish_complete_directories)")}`}`;
    }),
  ];
}

function seen(word: string): string {
  return `__fish_seen_subcommand_from ${word}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
