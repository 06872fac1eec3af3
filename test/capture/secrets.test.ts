import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutSecrets } from "../../src/capture/secrets.ts";

test("logins in URLs and secret properties are left out, the rest stays", () => {
  for (const [text, shown] of [
    ["rtspsrc location=rtsp://u:p@cam/x latency=5", "rtspsrc location=rtsp://…@cam/x latency=5"],
    ['rtspsrc user-pw="a b" user-id=u ! x', "rtspsrc user-pw=… user-id=u ! x"],
    ["srtsrc passphrase='a b' ! x", "srtsrc passphrase=… ! x"],
    ["x password=abc! y", "x password=… y"],
    ["rtspsrc location=rtsp://cam/a@b", "rtspsrc location=rtsp://cam/a@b"],
  ] as const) {
    assert.equal(withoutSecrets(text), shown);
  }
});
