import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Counters } from "../bank/counters.ts";
import { generateSigningKey } from "../bank/signing-key.ts";
import { TrustedKeys } from "../bank/trusted-keys.ts";
import type { KeyRole } from "../bank/trusted-keys.ts";
import { DeviceError, InputError, reasonOf } from "../shared/errors.ts";
import { EXIT } from "../shared/exit-codes.ts";
import type { CommandSpec } from "./command-line/command-spec.ts";
import { dispatch } from "./command-line/dispatch.ts";
import { helpOf } from "./command-line/help.ts";
import { parseCommandLine } from "./command-line/parse.ts";
import { KEYS, KEYS_GENERATE, KEYS_LIST, KEYS_REARM, KEYS_REVOKE, KEYS_TRUST } from "./commands/keys.ts";
import type { CommandIo } from "./io.ts";

type Output = Pick<CommandIo, "out" | "err">;

/** Keys and counters of pushes; see SECURITY.md for what they protect. */
export function keysCommand(args: string[], io: Output): Promise<number> {
  return dispatch(KEYS, { generate, trust, list, revoke, rearm }, args, io);
}

function usage(io: Output, spec: CommandSpec, problem: string): number {
  io.err(`${problem}\n\n${helpOf(spec)}`);
  return EXIT.usage;
}

function generate(args: string[], io: Output): number {
  const { values } = parseCommandLine(KEYS_GENERATE, args);
  if (values.out === undefined) return usage(io, KEYS_GENERATE, "Expected --out FILE");
  const { keyId, privatePem, publicPem } = generateSigningKey();
  writeNew(values.out, privatePem, 0o600);
  writeNew(`${values.out}.pub`, publicPem, 0o644);
  io.out(`key ${keyId}: ${values.out} signs, keep it secret; ${values.out}.pub goes to the devices`);
  return EXIT.ok;
}

/** A key that is overwritten is lost, and every device that trusts it with it. */
function writeNew(path: string, content: string, mode: number): void {
  let file: number;
  try {
    file = openSync(path, "wx", mode);
  } catch (cause) {
    const there = (cause as NodeJS.ErrnoException).code === "EEXIST";
    const text = there ? "there is one already, which is kept" : reasonOf(cause);
    throw new DeviceError("key-write", `Expected to write a new file ${path} but: ${text}`, { cause });
  }
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function trust(args: string[], io: Output): number {
  const { values, positionals } = parseCommandLine(KEYS_TRUST, args);
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) return usage(io, KEYS_TRUST, "Expected one FILE.pub");
  const roles = rolesOf(values.role ?? []);
  if (roles === null) return usage(io, KEYS_TRUST, "Expected --role config, --role bank or both");
  const keysFolder = folderOf(values.state);
  if (keysFolder === null) return usage(io, KEYS_TRUST, "Expected --state FOLDER");
  const label = values.label ?? "";
  if (label.length > 80 || /[\x00-\x1f]/.test(label)) {
    return usage(io, KEYS_TRUST, "Expected a --label of at most 80 characters on one line");
  }
  const keys = TrustedKeys.open(keysFolder);
  const first = keys.records().length === 0;
  const record = keys.trust(readText(file), roles, label, file, new Date());
  // Only a device that never trusted a key can have no counters by right.
  if (first && Counters.open(keysFolder).problem !== null) Counters.open(keysFolder).rearm();
  io.out(`trusted key ${record.keyId} for ${record.roles.join(" and ")}`);
  return EXIT.ok;
}

function rolesOf(given: readonly string[]): KeyRole[] | null {
  const roles = given.filter((role): role is KeyRole => role === "config" || role === "bank");
  return roles.length === given.length && roles.length > 0 ? roles : null;
}

function list(args: string[], io: Output): number {
  const { values } = parseCommandLine(KEYS_LIST, args);
  const folder = folderOf(values.state);
  if (folder === null) return usage(io, KEYS_LIST, "Expected --state FOLDER");
  const records = TrustedKeys.open(folder).records();
  const { problem } = Counters.open(folder);
  if (values.json === true) {
    const keys = records.map(({ keyId, roles, label, trustedAt, revokedAt }) => ({
      keyId,
      roles,
      label,
      trustedAt,
      revokedAt,
    }));
    io.out(JSON.stringify({ keys, armed: problem === null, problem }));
    return EXIT.ok;
  }
  for (const { keyId, roles, label, trustedAt, revokedAt } of records) {
    const state = revokedAt === null ? "trusted" : `revoked ${revokedAt}`;
    io.out(`${keyId}  ${roles.join(",").padEnd(11)}  since ${trustedAt}  ${state}  ${label}`.trimEnd());
  }
  if (records.length === 0) io.out("no key is trusted: every push is refused");
  else io.out(problem === null ? "pushes are armed" : `pushes are refused: ${problem}; nominald keys rearm`);
  return EXIT.ok;
}

function revoke(args: string[], io: Output): number {
  const { values, positionals } = parseCommandLine(KEYS_REVOKE, args);
  const [keyId, ...more] = positionals;
  const folder = folderOf(values.state);
  if (keyId === undefined || more.length > 0) return usage(io, KEYS_REVOKE, "Expected one KEYID");
  if (folder === null) return usage(io, KEYS_REVOKE, "Expected --state FOLDER");
  const record = TrustedKeys.open(folder).revoke(keyId, new Date());
  io.out(`revoked key ${record.keyId}`);
  return EXIT.ok;
}

function rearm(args: string[], io: Output): number {
  const { values } = parseCommandLine(KEYS_REARM, args);
  const folder = folderOf(values.state);
  if (folder === null) return usage(io, KEYS_REARM, "Expected --state FOLDER");
  const counters = Counters.open(folder);
  const { problem } = counters;
  if (problem === null) {
    io.out("pushes are armed already; nothing was changed");
    return EXIT.ok;
  }
  counters.rearm();
  io.out(`pushes are armed again (${problem})`);
  return EXIT.ok;
}

/** @returns the folder of keys and counters inside the state folder, made when it is not there */
function folderOf(state: string | undefined): string | null {
  if (state === undefined) return null;
  const folder = join(state, "keys");
  try {
    for (const path of [state, folder]) mkdirIfMissing(path);
  } catch (cause) {
    throw new DeviceError("state-folder-unwritable", `Expected to make the folder ${folder} but: ${reasonOf(cause)}`, {
      cause,
    });
  }
  return folder;
}

function mkdirIfMissing(path: string): void {
  try {
    mkdirSync(path, { mode: 0o750 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new InputError("signing-key", `Expected a public key in ${path} but: ${reasonOf(cause)}`, { cause });
  }
}
