/** What a subcommand may say and hear; tests pass their own. */
export interface CommandIo {
  out(line: string): void;
  err(line: string): void;
  readonly isTerminal: boolean;
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}
