import { isGroup, optionsOf, pathKindOf, type CommandSpec, type GroupSpec, type OptionSpec } from "./command-spec.ts";
import { helpText, lastWord } from "./help.ts";

/** A completion for zsh, by its own _arguments and _describe. */
export function zshCompletion(entries: readonly (CommandSpec | GroupSpec)[]): string {
  return `#compdef nominald
# Made by npm run docs from src/cli/commands; changes belong there.
_nominald() {
  local curcontext="$curcontext" state line
  _arguments -C '--help[this text]' '--version[version]' '1: :->subcommand' '*:: :->rest'
  case $state in
  subcommand)
    local -a subcommands=(
${entries.map(({ name, summary }) => `      ${quoted(`${name}:${plain(summary)}`)}`).join("\n")}
    )
    _describe subcommand subcommands
    ;;
  rest)
    case $line[1] in
${entries.map((entry) => (isGroup(entry) ? groupCase(entry) : leafCase(entry, 4))).join("\n")}
    esac
    ;;
  esac
}
_nominald "$@"
`;
}

function groupCase({ name, commands }: GroupSpec): string {
  return `    ${name})
      if ((CURRENT == 2)); then
        local -a actions=(
${commands.map((spec) => `          ${quoted(`${lastWord(spec.name)}:${plain(spec.summary)}`)}`).join("\n")}
        )
        _describe action actions
      else
        shift words; ((CURRENT--))
        case $words[1] in
${commands.map((spec) => leafCase(spec, 8)).join("\n")}
        esac
      fi
      ;;`;
}

function leafCase(spec: CommandSpec, indent: number): string {
  const pad = " ".repeat(indent);
  const specs = optionsOf(spec).map(([name, option]) => quoted(argumentOf(name, option)));
  const operand = pathKindOf(spec.operand) === null ? [] : [quoted(`*:${spec.operand ?? ""}:_files`)];
  return [
    `${pad}${lastWord(spec.name)})`,
    `${pad}  _arguments \\`,
    [...specs, ...operand].map((one) => `${pad}    ${one}`).join(" \\\n"),
    `${pad}  ;;`,
  ].join("\n");
}

function argumentOf(name: string, option: OptionSpec): string {
  const head = `${option.multiple === true ? "*" : ""}--${name}[${plain(helpText(option))}]`;
  if (option.value === undefined) return head;
  const value = plain(option.value);
  if (option.choices !== undefined) return `${head}:${value}:(${option.choices.join(" ")})`;
  const kind = pathKindOf(option.value);
  return `${head}:${value}:${kind === "file" ? "_files" : kind === "folder" ? "_files -/" : " "}`;
}

/** Colons and brackets part the fields. */
function plain(text: string): string {
  return text.replaceAll(/[:[\]\\]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
