/** `//user:password@` of any URL; a password with an @ of its own goes to the last one. */
const LOGIN = /\/\/[^/\s"]*@/g;
/** Properties of GStreamer's elements, and parameters of URLs, that hold secrets, with their values. */
const PROPERTY = /\b(user-pw|proxy-pw|password|passphrase|token|auth-token)=("(?:[^"\\]|\\.)*"|'[^']*'|\S+)/gi;
/** A header of HTTP, MQTT over WebSockets or RTSP. */
const AUTHORIZATION = /\b(Basic|Bearer|Digest)\s+[A-Za-z0-9+/=._~-]{8,}/g;
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^]*?(-----END \1-----|$)/g;

/** Names of fields that hold a secret itself, and not the file that has it. */
const SECRET_FIELD = /^(password|passphrase|secret|token|authorization|user-?pw|private-?key)$/i;
/** Fields of fields are looked at so deep; what lies deeper is left out. */
const LARGEST_DEPTH = 6;
const LEFT_OUT = "…";

/** @returns a launch string, or a message of GStreamer, as it may be logged and published */
export function withoutSecrets(text: string): string {
  return text
    .replaceAll(LOGIN, `//${LEFT_OUT}@`)
    .replaceAll(PROPERTY, `$1=${LEFT_OUT}`)
    .replaceAll(AUTHORIZATION, `$1 ${LEFT_OUT}`)
    .replaceAll(PRIVATE_KEY, LEFT_OUT);
}

/** @returns the same value, as plain data, with every text in it as it may be logged */
export function valueWithoutSecrets(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return withoutSecrets(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= LARGEST_DEPTH) return LEFT_OUT;
  if (Array.isArray(value)) return value.map((item) => valueWithoutSecrets(item, depth + 1));
  if (value instanceof Error) {
    const { name, message, stack } = value;
    return valueWithoutSecrets({ ...value, name, message, stack }, depth);
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      SECRET_FIELD.test(name) && item !== null ? LEFT_OUT : valueWithoutSecrets(item, depth + 1),
    ]),
  );
}
