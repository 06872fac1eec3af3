import { isGroup, optionsOf, pathKindOf, type CommandSpec, type GroupSpec } from "./command-spec.ts";
import { lastWord } from "./help.ts";

/** A completion for bash, in bash alone: it starts no Node. It works without the package bash-completion too. */
export function bashCompletion(entries: readonly (CommandSpec | GroupSpec)[]): string {
  const groups = entries.filter(isGroup);
  const leaves = entries.flatMap((entry) => (isGroup(entry) ? entry.commands : [entry]));
  const words = [...entries.map(({ name }) => name), "help", "--help", "--version"];
  return `# Made by npm run docs from src/cli/commands; changes belong there.
_nominald() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} name=\${COMP_WORDS[1]} at=2
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$word"))
    return
  fi
  case $name in
${groups.map((group) => groupCase(group)).join("\n")}
  esac
  if [[ -v words ]]; then
    if ((COMP_CWORD == 2)); then
      COMPREPLY=($(compgen -W "$words --help" -- "$word"))
      unset words
      return
    fi
    unset words
    name="$name \${COMP_WORDS[2]}" at=3
  fi
  local options="" operand="" valued=" " files=" " folders=" " choices=""
  case $name in
${leaves.map((spec) => leafCase(spec)).join("\n")}
  *) return ;;
  esac
  if ((COMP_CWORD > at)) || [[ $before == --* ]]; then
    if [[ $files == *" $before "* ]]; then
      compopt -o filenames
      COMPREPLY=($(compgen -f -- "$word"))
      return
    fi
    if [[ $folders == *" $before "* ]]; then
      compopt -o filenames
      COMPREPLY=($(compgen -d -- "$word"))
      return
    fi
    if [[ $valued == *" $before "* ]]; then
      [[ -n $choices ]] && COMPREPLY=($(compgen -W "$choices" -- "$word"))
      return
    fi
  fi
  if [[ $word == -* || -z $operand ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F _nominald nominald
`;
}

function groupCase({ name, commands }: GroupSpec): string {
  return `  ${name}) local words="${commands.map((spec) => lastWord(spec.name)).join(" ")}" ;;`;
}

function leafCase(spec: CommandSpec): string {
  const options = optionsOf(spec);
  const listOf = (kind: "file" | "folder"): string =>
    options.flatMap(([name, { value }]) => (pathKindOf(value ?? null) === kind ? [`--${name}`] : [])).join(" ");
  const valued = options.flatMap(([name, { value }]) => (value === undefined ? [] : [`--${name}`]));
  const choices = options.flatMap(([name, option]) =>
    option.choices === undefined ? [] : [`    [[ $before == --${name} ]] && choices="${option.choices.join(" ")}"`],
  );
  return [
    `  "${spec.name}")`,
    `    options="${options.map(([name]) => `--${name}`).join(" ")}"`,
    ...(pathKindOf(spec.operand) === null ? [] : [`    operand=file`]),
    ...(valued.length === 0 ? [] : [`    valued=" ${valued.join(" ")} "`]),
    ...(listOf("file") === "" ? [] : [`    files=" ${listOf("file")} "`]),
    ...(listOf("folder") === "" ? [] : [`    folders=" ${listOf("folder")} "`]),
    ...choices,
    "    ;;",
  ].join("\n");
}
