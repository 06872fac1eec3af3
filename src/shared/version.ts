import { readFileSync } from "node:fs";

/** @returns the version of this package, as package.json says it */
export function productVersion(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
