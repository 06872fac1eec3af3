import { command, type GroupSpec } from "../command-line/command-spec.ts";

export const CONFIG_CHECK = command({
  name: "config check",
  summary: "check a configuration; lists every problem",
  usage: ["FILE"],
  about: "Checks a configuration and lists every problem.",
  options: {},
  operand: "FILE",
});

export const CONFIG_PRINT = command({
  name: "config print",
  summary: "print it as it takes effect: defaults, the file, what was pushed, the environment",
  usage: ["FILE [--origin]"],
  about: "Prints a configuration as it takes effect: defaults, the file, what was pushed, the environment.",
  options: { origin: { help: "say where each value comes from" } },
  operand: "FILE",
});

export const CONFIG_SCHEMA = command({
  name: "config schema",
  summary: "print its JSON Schema",
  usage: [""],
  about: "Prints the JSON Schema of configurations.",
  options: {},
  operand: null,
});

export const CONFIG: GroupSpec = {
  name: "config",
  summary: "configurations",
  commands: [CONFIG_CHECK, CONFIG_PRINT, CONFIG_SCHEMA],
};
