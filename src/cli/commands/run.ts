import { command } from "../command-line/command-spec.ts";

export const RUN = command({
  name: "run",
  summary: "the daemon",
  usage: ["--config FILE"],
  about:
    "The daemon. It stays until SIGTERM or SIGINT and then stops cleanly (exit code 0); on SIGHUP it reads FILE and renewed credentials again. " +
    'A camera, bank or broker that is not there is a fault in the station\'s state, which heals by itself; see "nominald config check FILE" for the file.',
  options: { config: { value: "FILE", help: "YAML or JSON; NOMINALD_… variables override its values" } },
  operand: null,
});
