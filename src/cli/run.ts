import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { loadConfig } from "../config/load-config.ts";
import { Daemon } from "../daemon/daemon.ts";
import { createLogger } from "../ops/log.ts";
import { ServiceManager, takeServiceManager } from "../ops/service-manager.ts";
import { Watchdog } from "../ops/watchdog.ts";
import { EXIT } from "../shared/exit-codes.ts";
import { systemClock } from "../shared/system-clock.ts";
import { productVersion } from "../shared/version.ts";
import type { CommandIo } from "./io.ts";

const HELP = `usage: nominald run --config FILE

The daemon. It stays until SIGTERM or SIGINT and then stops cleanly (exit code 0). A camera, bank or broker that is
not there is a fault in the station's state, which heals by itself; see "nominald config check FILE" for the file.

  --config FILE   YAML or JSON; NOMINALD_… variables override its values`;

/** The daemon stops within 5 s; one that does not is ended, so that the service manager can go on. */
const STOP_DEADLINE_MS = 4_500;

export async function runCommand(args: string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({ args, options: { config: { type: "string" }, help: { type: "boolean" } } });
  if (values.help === true) {
    io.out(HELP);
    return EXIT.ok;
  }
  if (values.config === undefined) {
    io.err(`Expected --config FILE.\n\n${HELP}`);
    return EXIT.usage;
  }
  const { config } = await loadConfig(values.config, process.env);
  const address = takeServiceManager(process.env, process.pid);
  const logger = createLogger(config.log.level);
  const daemon = new Daemon({
    config,
    clock: systemClock,
    logger,
    random: Math.random,
    boot: randomBytes(4).toString("hex"),
    credentialsFolder: process.env["CREDENTIALS_DIRECTORY"] ?? null,
    versions: { nominald: productVersion(), node: process.versions.node },
  });
  const manager = address === null ? null : new ServiceManager(address, logger);
  const watchdog =
    manager === null
      ? null
      : new Watchdog({ manager, stuck: () => daemon.stuck(), status: () => daemon.statusLine(), logger });
  await daemon.start();
  manager?.ready();
  watchdog?.start();
  await aborted(io.signal);
  manager?.stopping();
  logger.info({ signal: String(io.signal.reason) }, "stopping");
  const hung = setTimeout(() => {
    logger.error({ deadlineMs: STOP_DEADLINE_MS }, "the daemon did not stop in time and is ended");
    process.exit(EXIT.bug);
  }, STOP_DEADLINE_MS);
  await daemon.close();
  clearTimeout(hung);
  watchdog?.close();
  manager?.close();
  return EXIT.ok;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
