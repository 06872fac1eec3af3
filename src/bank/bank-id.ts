import { ConfigError } from "../shared/errors.ts";

/** The characters that the PLC payloads allow in text fields. */
const CHARACTERS = "[0-9A-Za-z._-]";

/** Text fields of the PLC payloads hold 32 characters; a bank's id spends 9 of them on `-` and 8 digits. */
export const LONGEST_BANK_NAME = 23;

export const BANK_NAME = new RegExp(`^${CHARACTERS}{1,${LONGEST_BANK_NAME}}$`);

/** @throws ConfigError "bank-name" */
export function checkBankName(name: string): string {
  if (BANK_NAME.test(name)) return name;
  throw new ConfigError(
    "bank-name",
    `Expected a bank name of 1 to ${LONGEST_BANK_NAME} characters from ${CHARACTERS} but received ${JSON.stringify(name)}`,
  );
}

/** A legal bank name out of any text, such as a folder's name: what is not allowed becomes `-`, what is too long goes. */
export function bankNameFrom(text: string): string {
  const name = text.replaceAll(/[^0-9A-Za-z._-]+/g, "-").slice(0, LONGEST_BANK_NAME);
  return name === "" ? "bank" : name;
}

/**
 * The name by which verdicts, records and people call one bank, at most 32 characters: two banks with the same id have
 * the same manifest, and so, by the digests in it, the same content.
 *
 * @param manifestSha256 lower-case hex digest of the manifest's bytes
 */
export function bankIdOf(name: string, manifestSha256: string): string {
  return `${name}-${manifestSha256.slice(0, 8)}`;
}
