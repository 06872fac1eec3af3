import { NominalError } from "./errors.ts";

/** Exit codes of every subcommand; the README's table says the same. */
export const EXIT = {
  ok: 0,
  /** Our own mistake, or an error that nobody foresaw. */
  bug: 1,
  /** Unknown subcommand or option. */
  usage: 2,
  /** The configuration is wrong. */
  config: 3,
  /** A given file is wrong: image, bank, backbone. */
  input: 4,
  /** The device fails: camera, broker, disk, shared memory. */
  device: 5,
  /** `demo`: everything ran, but the main job's result is not as it must be. */
  demoFailed: 6,
  /** `doctor`: at least one line is fail. */
  unhealthy: 7,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

/** @returns the exit code for anything thrown */
export function exitCodeOf(error: unknown): number {
  return error instanceof NominalError ? EXIT[error.faultClass] : EXIT.bug;
}
