/** Who has to act on an error: the writer of the configuration, of the input, the keeper of the device, or us. */
export type FaultClass = "config" | "input" | "device" | "bug";

/** Facts that end a message, printed as `[station:st1, bank:washer-1a2b3c4d]`. */
export type ErrorContext = Readonly<Record<string, string | number>>;

/** How an error crosses a process boundary: plain data, so that structured clone keeps all of it. */
export interface WireError {
  readonly code: string;
  readonly faultClass: FaultClass;
  readonly message: string;
}

/**
 * The one base of every error that nominald throws on purpose. `code` is stable (kebab-case, documented);
 * `message` says what was expected, of what, and what came.
 */
export class NominalError extends Error {
  readonly code: string;
  readonly faultClass: FaultClass;

  constructor(
    faultClass: FaultClass,
    code: string,
    message: string,
    options: { readonly cause?: unknown; readonly context?: ErrorContext } = {},
  ) {
    const context = Object.entries(options.context ?? {}).map(([key, value]) => `${key}:${value}`);
    super(context.length === 0 ? message : `${message} [${context.join(", ")}]`, { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.faultClass = faultClass;
  }
}

type Options = { readonly cause?: unknown; readonly context?: ErrorContext };

/** The configuration or the command line is wrong; its writer must change it. */
export class ConfigError extends NominalError {
  constructor(code: string, message: string, options: Options = {}) {
    super("config", code, message, options);
  }
}

/** A file or message that was given to us is wrong: an image, a bank, a backbone. */
export class InputError extends NominalError {
  constructor(code: string, message: string, options: Options = {}) {
    super("input", code, message, options);
  }
}

/** The device or its surroundings fail: camera, broker, disk, shared memory, a child process. */
export class DeviceError extends NominalError {
  constructor(code: string, message: string, options: Options = {}) {
    super("device", code, message, options);
  }
}

/** Our own mistake: a state that the code holds to be impossible. */
export class BugError extends NominalError {
  constructor(code: string, message: string, options: Options = {}) {
    super("bug", code, message, options);
  }
}

/** @returns plain data that survives structured clone; an unknown error becomes class `bug`, its text kept */
export function toWireError(error: unknown): WireError {
  if (error instanceof NominalError) {
    return { code: error.code, faultClass: error.faultClass, message: error.message };
  }
  return { code: "unexpected", faultClass: "bug", message: error instanceof Error ? error.message : String(error) };
}

/** The inverse of `toWireError`, on the receiving side. */
export function fromWireError(wire: WireError): NominalError {
  switch (wire.faultClass) {
    case "config":
      return new ConfigError(wire.code, wire.message);
    case "input":
      return new InputError(wire.code, wire.message);
    case "device":
      return new DeviceError(wire.code, wire.message);
    case "bug":
      return new BugError(wire.code, wire.message);
    default:
      return wire.faultClass satisfies never;
  }
}

/** The text of anything that was thrown, for messages that wrap it. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
