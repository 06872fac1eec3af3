import { randomBytes } from "node:crypto";
import { readConfigText } from "../config/document.ts";
import { Daemon } from "../daemon/daemon.ts";
import { effectiveConfig } from "../daemon/effective-config.ts";
import { createLogger } from "../ops/log.ts";
import { RepeatLimit } from "../ops/repeat-limit.ts";
import { ServiceManager, takeServiceManager } from "../ops/service-manager.ts";
import { Watchdog } from "../ops/watchdog.ts";
import { NominalError } from "../shared/errors.ts";
import { EXIT } from "../shared/exit-codes.ts";
import type { Logger } from "../shared/logger.ts";
import { systemClock } from "../shared/system-clock.ts";
import { productVersion } from "../shared/version.ts";
import { helpOf } from "./command-line/help.ts";
import { parseCommandLine } from "./command-line/parse.ts";
import { RUN } from "./commands/run.ts";
import type { CommandIo } from "./io.ts";

/** The daemon stops within 5 s; one that does not is ended, so that the service manager can go on. */
const STOP_DEADLINE_MS = 4_500;

export async function runCommand(args: string[], io: CommandIo): Promise<number> {
  const { values } = parseCommandLine(RUN, args);
  if (values.help === true) {
    io.out(helpOf(RUN));
    return EXIT.ok;
  }
  if (values.config === undefined) {
    io.err(`Expected --config FILE.\n\n${helpOf(RUN)}`);
    return EXIT.usage;
  }
  const file = values.config;
  const source = { text: await readConfigText(file), file, env: process.env };
  const effective = effectiveConfig(source);
  const { config } = effective.loaded;
  const address = takeServiceManager(process.env, process.pid);
  const log = createLogger(config.log.level);
  const logger = new RepeatLimit({
    ...{ logger: log, clock: systemClock, isUnlimited: () => log.level === "debug" },
  });
  process.once("exit", () => logger.close());
  const daemon = new Daemon({
    source,
    effective,
    setLogLevel: (level) => {
      log.level = level;
    },
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
  // A person waits for the answer, however often it was the same.
  const reload = (): void => void reloadConfig(file, daemon, manager, log);
  process.on("SIGHUP", reload);
  await aborted(io.signal);
  process.removeListener("SIGHUP", reload);
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

/** A file that is wrong changes nothing; the service manager is told that the daemon goes on either way. */
async function reloadConfig(
  file: string,
  daemon: Daemon,
  manager: ServiceManager | null,
  logger: Logger,
): Promise<void> {
  manager?.reloading();
  try {
    const changed = await daemon.reload(await readConfigText(file));
    logger.info({ changed }, changed.length === 0 ? "reloaded: nothing has changed" : "reloaded");
  } catch (error) {
    if (!(error instanceof NominalError)) throw error;
    logger.error({ code: error.code }, `the configuration stays as it was: ${error.message}`);
  } finally {
    manager?.ready();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
