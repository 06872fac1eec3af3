/** `//user:password@` of any URL. */
const LOGIN = /\/\/[^/@\s"']*@/g;
/** Properties of GStreamer's elements that hold secrets, with their values. */
const PROPERTY = /\b(user-pw|proxy-pw|password|passphrase|token|auth-token)=("(?:[^"\\]|\\.)*"|'[^']*'|\S+)/gi;

/** @returns a launch string, or a message of GStreamer, as it may be logged and published */
export function withoutSecrets(text: string): string {
  return text.replaceAll(LOGIN, "//…@").replaceAll(PROPERTY, "$1=…");
}
