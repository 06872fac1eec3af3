import assert from "node:assert/strict";
import { test } from "node:test";
import { problemOfError, problemOfReasonCode, safeUrl } from "../../src/mqtt/connect-problem.ts";
import { brokerConfig } from "./fixtures.ts";

test("what Node, mqtt.js and brokers report becomes one of the stable words", () => {
  const broker = brokerConfig("mqtts://broker:8883");
  const coded = (code: string | number) => Object.assign(new Error("cause"), { code });
  const kinds = ["EHOSTUNREACH", "ECONNRESET", "CERT_HAS_EXPIRED", "ERR_SSL_WRONG_VERSION_NUMBER", 2, 0x84, 0x88];
  assert.deepEqual(
    kinds.map((code) => problemOfError(broker, coded(code)).kind),
    ["unreachable", "connection-lost", "tls", "tls", "client-id-refused", "protocol-refused", "broker-unavailable"],
  );
  assert.equal(problemOfError(broker, new Error("connack timeout")).kind, "connect-timeout");
  assert.equal(problemOfReasonCode(broker, 0x8e).kind, "taken-over");
});

test("a URL is shown without its user and password", () => {
  assert.equal(safeUrl("mqtts://user:pa:ss@host:8883"), "mqtts://host:8883");
  assert.equal(safeUrl("mqtt://host:1883/path@x"), "mqtt://host:1883/path@x");
});
