import { InputError, reasonOf } from "./errors.ts";

const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export interface JsonLimits {
  readonly bytes: number;
  /** Nested arrays and objects; `{"a":[1]}` has depth 2. */
  readonly depth: number;
}

/**
 * Parses JSON from outside. Size and depth are bounded before the parser sees a byte: it recurses, and builds whatever
 * is written.
 *
 * @param what the document's name in messages, e.g. `the envelope`
 * @throws InputError "json-too-large", "json-too-deep", "json-not-utf8", "json-syntax"
 */
export function parseBoundedJson(bytes: Uint8Array, limits: JsonLimits, what: string): unknown {
  if (bytes.length > limits.bytes) {
    throw new InputError(
      "json-too-large",
      `Expected ${what} of at most ${limits.bytes} bytes but received ${bytes.length}`,
    );
  }
  if (isDeeper(bytes, limits.depth)) {
    throw new InputError(
      "json-too-deep",
      `Expected at most ${limits.depth} levels of arrays and objects in ${what} but received more`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new InputError("json-not-utf8", `Expected UTF-8 in ${what} but received other bytes`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError("json-syntax", `Expected JSON in ${what} but received: ${reasonOf(cause)}`, { cause });
  }
}

/** Brackets inside strings do not count. Bytes of UTF-8 sequences are all above 0x7f, so bytes can be looked at singly. */
function isDeeper(bytes: Uint8Array, most: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (OPENING.has(byte) && ++depth > most) return true;
    else if (CLOSING.has(byte)) depth--;
  }
  return false;
}
