import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { DeviceError, reasonOf } from "../../shared/errors.ts";

const run = promisify(execFile);
/** systemctl waits until the service has stopped: the unit's TimeoutStopSec and some more. */
const DEADLINE_MS = 60_000;

/** Commands that make systemd know what was written. @param root null: this system */
export function commandsAfterInstall(root: string | null, sysctl: boolean): readonly (readonly string[])[] {
  const below = root === null ? [] : [`--root=${root}`];
  return [
    ["systemd-sysusers", ...below],
    ["systemd-tmpfiles", ...below, "--create", "nominald.conf"],
    ...(root === null && sysctl ? [["sysctl", "--load=/etc/sysctl.d/90-nominald-gige.conf"]] : []),
    ...(root === null ? [["systemctl", "daemon-reload"]] : []),
    ["systemctl", ...below, "enable", "nominald.service"],
  ];
}

/** Before the files go: systemctl reads the unit to know what enabling did. */
export function commandsBeforeUninstall(root: string | null): readonly (readonly string[])[] {
  return [["systemctl", ...(root === null ? ["--now"] : [`--root=${root}`]), "disable", "nominald.service"]];
}

export function commandsAfterUninstall(root: string | null): readonly (readonly string[])[] {
  return root === null ? [["systemctl", "daemon-reload"]] : [];
}

/** @throws DeviceError "install-command" with what the command said */
export async function runCommand([program = "", ...args]: readonly string[]): Promise<void> {
  try {
    await run(program, args, { timeout: DEADLINE_MS });
  } catch (cause) {
    const said = (cause as { readonly stderr?: string }).stderr?.trim() ?? "";
    throw new DeviceError(
      "install-command",
      `Expected ${[program, ...args].join(" ")} to succeed but: ${said === "" ? reasonOf(cause) : said}`,
      { cause },
    );
  }
}
