import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { HttpHost } from "../../src/daemon/http-host.ts";
import { jsonAnswer } from "../../src/ops/http-server.ts";
import { ask } from "../support/http.ts";
import { KeptLog } from "../support/kept-log.ts";
import { freePort } from "../support/mosquitto.ts";
import { until } from "../support/until.ts";

const ROUTES = { "/healthz": () => jsonAnswer(200, {}) };

test("the server follows the configuration: closed, opened, moved, and back from a port that is taken", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const taken = (other.address() as { port: number }).port;
  const [first, second] = [await freePort(), await freePort()];
  const settings = (port: number, enabled = true) => ({ enabled, address: "127.0.0.1", port, hosts: [] });
  const log = new KeptLog();
  const host = new HttpHost({ settings: settings(first, false), routes: ROUTES, logger: log, retryMs: 20 });
  t.after(() => host.close());
  host.start();
  await until("the first configuration", () => host.changes === 1);
  assert.deepEqual([host.port, host.problem], [null, null]);
  host.reconfigure(settings(first));
  await until("a server", () => host.port === first);
  assert.equal((await ask(first, { path: "/healthz" })).status, 200);

  host.reconfigure(settings(taken));
  await until("the fault", () => host.problem !== null);
  assert.equal(host.port, null);
  await assert.rejects(ask(first, { path: "/healthz" }), { code: "ECONNREFUSED" });
  // Another configuration ends the retries of the one before.
  host.reconfigure(settings(second));
  await until("a server at another port", () => host.port === second);
  assert.equal(host.problem, null);
  assert.equal(host.changes, 4);
  assert.equal(log.lines.filter(({ level }) => level === "error").length, 1);

  await host.close();
  await host.close();
  await assert.rejects(ask(second, { path: "/healthz" }), { code: "ECONNREFUSED" });
  host.reconfigure(settings(first));
  await assert.rejects(ask(first, { path: "/healthz" }), { code: "ECONNREFUSED" });
});
