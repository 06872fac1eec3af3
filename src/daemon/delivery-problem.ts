import { DeviceError, InputError, NominalError, reasonOf } from "../shared/errors.ts";

/** @param bankId of the delivery that is in the way */
export function busy(bankId: string | undefined): InputError {
  return new InputError(
    "bank-busy",
    `Expected no other delivery under way but ${bankId ?? "one"} is; withdraw it or wait`,
  );
}

export function closing(): DeviceError {
  return new DeviceError("closing", "Expected the station to work on but it, or the daemon, ends");
}

/** What a state, or the log, can tell of anything that was thrown on the way of a bank. */
export function asNominal(error: unknown): NominalError {
  if (error instanceof NominalError) return error;
  return new DeviceError("delivery", `Expected the delivery to go on but: ${reasonOf(error)}`, { cause: error });
}
