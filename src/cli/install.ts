import { existsSync, realpathSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { readConfigText } from "../config/document.ts";
import { parseConfig } from "../config/load-config.ts";
import { ConfigError } from "../shared/errors.ts";
import { EXIT } from "../shared/exit-codes.ts";
import { helpOf } from "./command-line/help.ts";
import { parseCommandLine } from "./command-line/parse.ts";
import { FURTHER_DROP_INS, INSTALL } from "./commands/install.ts";
import {
  CONFIG_FILE,
  CREDENTIALS_FOLDER,
  exampleConfig,
  hintsOf,
  planFiles,
  runningProgram,
} from "./install/install-plan.ts";
import { InstalledFiles, type FileStep } from "./install/installed-files.ts";
import {
  commandsAfterInstall,
  commandsAfterUninstall,
  commandsBeforeUninstall,
  runCommand,
} from "./install/system-commands.ts";
import type { CommandIo } from "./io.ts";

interface Task {
  /** Of the installed system, absolute. */
  readonly root: string;
  readonly dryRun: boolean;
  readonly io: Pick<CommandIo, "out" | "err">;
}

const WORD_COLUMN = 9;
const UNIT_FILE = "/etc/systemd/system/nominald.service";
/** The unit keeps these from the service (ProtectHome, PrivateTmp). */
const HIDDEN_FOLDERS = /^\/(home|root|run\/user|tmp|var\/tmp)(\/|$)/;

/** `nominald install`. @throws ConfigError, InputError and DeviceError; what was done until then stands, and may be done again */
export async function installCommand(args: string[], io: Pick<CommandIo, "out" | "err">): Promise<number> {
  const { values } = parseCommandLine(INSTALL, args);
  if (values.help === true) {
    io.out(helpOf(INSTALL));
    return EXIT.ok;
  }
  const { with: further = [] } = values;
  const unknown = further.find((name) => !FURTHER_DROP_INS.some((known) => known === name));
  const problem =
    values.systemd !== true
      ? "Expected --systemd"
      : unknown !== undefined
        ? `Expected ${FURTHER_DROP_INS.join(", ")} for --with but received ${JSON.stringify(unknown)}`
        : null;
  if (problem !== null) {
    io.err(`${problem}.\n\n${helpOf(INSTALL)}`);
    return EXIT.usage;
  }
  const root = values.root === undefined ? "/" : resolve(values.root);
  if (!existsSync(root)) throw new ConfigError("install-root", `Expected the folder ${root} but it is not there`);
  const task: Task = { root: realpathSync(root), dryRun: values["dry-run"] === true, io };
  if (values.uninstall === true) await uninstall(task);
  else await install(task, values.config ?? null, values.program ?? null, further);
  return EXIT.ok;
}

async function install(
  task: Task,
  configFile: string | null,
  wantedProgram: string | null,
  further: readonly string[],
): Promise<void> {
  const program = wantedProgram ?? placeIn(task.root, runningProgram());
  const node = nodeOf(task.root, program);
  const there = join(task.root, CONFIG_FILE);
  const file = existsSync(there) ? there : configFile;
  const configText = file === null ? exampleConfig(program) : await readConfigText(file);
  const { config } = parseConfig(configText, file ?? "config/example.yaml", {});
  const files = planFiles({ program, node, config, configText, further });
  const installed = new InstalledFiles(task.root, task.dryRun);
  if (configFile !== null && file !== configFile) {
    task.io.out(`${"keep".padEnd(WORD_COLUMN)}${CONFIG_FILE}  (the one that is there, and not ${configFile})`);
  }
  tell(task, installed.install(files));
  const sysctl = files.some(({ path }) => path.startsWith("/etc/sysctl.d/"));
  await runAll(task, commandsAfterInstall(rootOption(task), sysctl));
  for (const hint of hintsOf(config)) task.io.out(`note     ${hint}`);
  if (task.dryRun) return;
  task.io.out(`next     edit ${CONFIG_FILE}, put secrets into ${CREDENTIALS_FOLDER}, then: systemctl restart nominald`);
}

async function uninstall(task: Task): Promise<void> {
  const installed = new InstalledFiles(task.root, task.dryRun);
  // The package enabled its own unit, and disables it when it goes.
  const isOurs = existsSync(join(task.root, UNIT_FILE));
  if (isOurs) await runAll(task, commandsBeforeUninstall(rootOption(task)));
  tell(task, installed.uninstall());
  await runAll(task, commandsAfterUninstall(rootOption(task)));
  task.io.out(`stays    ${CONFIG_FILE}, ${CREDENTIALS_FOLDER}, /var/lib/nominald, the user nominald`);
}

function rootOption({ root }: Task): string | null {
  return root === "/" ? null : root;
}

/** @returns the path inside the installed system of something that lies below its root folder */
function placeIn(root: string, path: string): string {
  const inside = relative(root, realpathSync(path));
  if (!inside.startsWith("..")) return `/${inside}`;
  throw new ConfigError(
    "install-program",
    `Expected --program DIR, where the program lies below ${root}, since this one lies outside, in ${path}`,
  );
}

/** The Node that the unit starts: the program's own, or the one that runs. */
function nodeOf(root: string, program: string): string {
  if (!/^\/[\w./+@-]+$/.test(program)) {
    const text = `Expected a program in a folder of letters, digits and . / + @ _ - but it lies in ${program}`;
    throw new ConfigError("install-program", `${text}: systemd reads other signs in a unit in its own way`);
  }
  if (!existsSync(join(root, program, "dist", "main.js"))) {
    const text = `Expected the built program ${join(root, program, "dist/main.js")} but it is not there`;
    throw new ConfigError("install-program", `${text}; npm run build makes it`);
  }
  const own = join(program, "bin", "node");
  const node = existsSync(join(root, own)) ? own : placeIn(root, process.execPath);
  for (const path of [program, node]) {
    if (!HIDDEN_FOLDERS.test(path)) continue;
    const text = `Expected program and Node where the service can read them but ${path} lies in a folder that its unit hides`;
    throw new ConfigError("install-program", `${text}; copy them, to /opt for example`);
  }
  return node;
}

function tell({ dryRun, io }: Task, steps: readonly FileStep[]): void {
  for (const { what, path, why } of steps) {
    const word = dryRun && ["write", "update", "remove"].includes(what) ? `(${what})` : what;
    io.out(`${word.padEnd(WORD_COLUMN)}${path}  (${why})`);
  }
}

async function runAll(task: Task, commands: readonly (readonly string[])[]): Promise<void> {
  for (const command of commands) {
    task.io.out(`${(task.dryRun ? "(run)" : "run").padEnd(WORD_COLUMN)}${command.join(" ")}`);
    if (!task.dryRun) await runCommand(command);
  }
}
