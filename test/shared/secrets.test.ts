import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { valueWithoutSecrets, withoutSecrets } from "../../src/shared/secrets.ts";

test("logins in URLs and secret properties are left out, the rest stays", () => {
  for (const [text, shown] of [
    ["rtspsrc location=rtsp://u:p@cam/x latency=5", "rtspsrc location=rtsp://…@cam/x latency=5"],
    ["rtspsrc location=rtsp://u:it's@cam/x ! y", "rtspsrc location=rtsp://…@cam/x ! y"],
    ["rtspsrc location=rtsp://u:p@ss@cam/x ! y", "rtspsrc location=rtsp://…@cam/x ! y"],
    ['rtspsrc user-pw="a b" user-id=u ! x', "rtspsrc user-pw=… user-id=u ! x"],
    ["srtsrc passphrase='a b' ! x", "srtsrc passphrase=… ! x"],
    ["x password=abc! y", "x password=… y"],
    ["rtspsrc location=rtsp://cam/a@b", "rtspsrc location=rtsp://cam/a@b"],
    ["answered to Authorization: Basic dXNlcjpwYXNz", "answered to Authorization: Basic …"],
    ["a basic understanding", "a basic understanding"],
    ["-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\nrest", "…\nrest"],
    ["-----BEGIN EC PRIVATE KEY-----\nMC4CAQ", "…"],
  ] as const) {
    assert.equal(withoutSecrets(text), shown);
  }
});

test("no password that a URL can hold is in what is left of it", () => {
  // RFC 3986: unreserved, percent-encoded and sub-delims, and the colon.
  const letters = "abcXYZ019-._~%!$&'()*+,;=:".split("");
  const passwords = fc.array(fc.constantFrom(...letters), { minLength: 4, maxLength: 40 }).map((all) => all.join(""));
  fc.assert(
    fc.property(passwords, (password) => {
      const shown = withoutSecrets(`lost rtsp://user:Z${password}@192.0.2.7:554/stream, trying again`);
      assert.equal(shown, "lost rtsp://…@192.0.2.7:554/stream, trying again");
    }),
  );
});

test("fields are looked through to their depth: texts, lists, errors, and names that say what they hold", () => {
  const error = Object.assign(new Error("rtsp://u:secret-1@cam"), { password: "secret-2" });
  const value = {
    url: "mqtt://u:secret-3@broker",
    list: ["ok", "user-pw=secret-4"],
    deep: { token: "secret-5", passwordFile: "/etc/nominald/password", threads: 2, none: null },
    error,
  };
  const shown = valueWithoutSecrets(value);
  assert.doesNotMatch(JSON.stringify(shown), /secret-\d/);
  assert.deepEqual((shown as typeof value).deep, {
    ...{ token: "…", passwordFile: "/etc/nominald/password", threads: 2, none: null },
  });
  let nested: unknown = "secret at the bottom";
  for (let i = 0; i < 20; i++) nested = { nested };
  assert.doesNotMatch(JSON.stringify(valueWithoutSecrets(nested)), /bottom/);
});
