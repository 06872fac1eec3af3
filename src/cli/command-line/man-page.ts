import { EXIT } from "../../shared/exit-codes.ts";
import { isGroup, optionsOf, type CommandSpec, type GroupSpec } from "./command-spec.ts";
import { EXIT_MEANINGS } from "./exit-meanings.ts";
import { helpText } from "./help.ts";

const DESCRIPTION =
  "nominald watches parts on a production line. It takes frames from an industrial camera, compares every patch of a part with a memory bank " +
  "of good ones (PatchCore on an ONNX backbone), and publishes PASS, FAIL or NO_VERDICT over MQTT. It learns from good images alone, needs no " +
  "cloud and sends nothing anywhere but to the broker of its configuration.";

const SIGNALS = [
  ["SIGTERM, SIGINT", "the daemon stops in order; other subcommands end what they do and exit"],
  ["SIGHUP", "the daemon reads its configuration and renewed credentials again; a wrong file changes nothing"],
] as const;

const ENVIRONMENT = [
  ["NOMINALD_…", "override values of the configuration; nominald config schema names the variable of each key"],
  ["CREDENTIALS_DIRECTORY", "set by systemd: where values such as credential:NAME are read from"],
  ["NO_COLOR", "the demo prints no colours"],
] as const;

const FILES = [
  ["/etc/nominald/nominald.yaml", "the configuration of the service"],
  ["/etc/nominald/credentials/", "each file in it is the credential nominald_FILE of the service"],
  ["/var/lib/nominald/", "the state of the service: outbox.sqlite, keys, pushed configurations and banks"],
] as const;

/** nominald(1) in the man macros of groff. @param version of the program, for the page's foot */
export function manPage(entries: readonly (CommandSpec | GroupSpec)[], version: string): string {
  const lines = [
    '.\\" Made by npm run docs from src/cli/commands; changes belong there.',
    `.TH NOMINALD 1 "" "nominald ${version}" "User Commands"`,
    // Usages hold long words, between which adjusted lines would gape.
    ".ad l",
    ...[".SH NAME", "nominald \\- visual inspection of a production line"],
    ...[".SH SYNOPSIS", ".B nominald", ".I subcommand", "[\\fIoptions\\fR]"],
    ...[".SH DESCRIPTION", text(DESCRIPTION)],
    ...[".SH SUBCOMMANDS", ...entries.flatMap(entrySection)],
    ...[".SH EXIT STATUS", ...tagged(exitRows())],
    ...[".SH SIGNALS", ...tagged(SIGNALS)],
    ...[".SH ENVIRONMENT", ...tagged(ENVIRONMENT)],
    ...[".SH FILES", ...tagged(FILES)],
    ...[".SH SEE ALSO", ".BR systemctl (1),", ".BR mosquitto (8)"],
  ];
  return `${lines.join("\n")}\n`;
}

function entrySection(entry: CommandSpec | GroupSpec): string[] {
  if (!isGroup(entry)) return commandSection(entry);
  const about = entry.about === undefined ? [] : [`.SS nominald ${entry.name}`, ...paragraphs(entry.about)];
  return [...about, ...entry.commands.flatMap(commandSection)];
}

function commandSection(spec: CommandSpec): string[] {
  const forms = spec.usage.flatMap((form, i) => [
    ...(i === 0 ? [] : [".br"]),
    `.B nominald ${text(spec.name)}`,
    ...(form === "" ? [] : [text(form)]),
  ]);
  return [
    `.SS nominald ${text(spec.name)}`,
    ...forms,
    ...(spec.about === "" ? [] : [".PP", ...paragraphs(spec.about)]),
    ...optionsOf(spec).flatMap(([name, option]) => [
      ...(option.heading === undefined ? [] : [".PP", text(option.heading)]),
      ".TP",
      `\\fB\\-\\-${text(name)}\\fR${option.value === undefined ? "" : ` \\fI${text(option.value)}\\fR`}`,
      text(helpText(option)),
    ]),
    ...(spec.closing === undefined ? [] : [".PP", ...paragraphs(spec.closing)]),
  ];
}

function exitRows(): (readonly [string, string])[] {
  return Object.entries(EXIT).map(([name, code]) => [String(code), EXIT_MEANINGS[name as keyof typeof EXIT]]);
}

function tagged(rows: readonly (readonly [tag: string, meaning: string])[]): string[] {
  return rows.flatMap(([tag, meaning]) => [".TP", `\\fB${text(tag)}\\fR`, text(meaning.replaceAll("`", ""))]);
}

function paragraphs(about: string): string[] {
  return about.split("\n\n").flatMap((paragraph, i) => [...(i === 0 ? [] : [".PP"]), text(paragraph)]);
}

/** A backslash begins an escape, a hyphen is typographic unless escaped, and a dot or quote that begins a line is a request. */
function text(plain: string): string {
  return plain.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replace(/^\./, "\\&.");
}
