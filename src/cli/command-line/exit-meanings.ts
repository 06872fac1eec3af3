import type { EXIT } from "../../shared/exit-codes.ts";

/** What each exit code says to whoever started the program. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "done; the daemon: stopped by SIGTERM or SIGINT",
  bug: "a mistake of ours",
  usage: "unknown subcommand or option, or a value that an option does not take",
  config: "the configuration is wrong; every problem is listed",
  input: "a given file is wrong: image, bank, backbone",
  device:
    "the device: state folder, shared memory, disk, a folder for results that cannot be written, a camera of `capture`",
  demoFailed: "`demo` ran but its result is not as it must be",
  unhealthy: "`doctor`: at least one line is fail",
  interrupted: "Ctrl-C",
};
