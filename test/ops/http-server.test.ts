import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { HttpHosts } from "../../src/ops/http-hosts.ts";
import { HttpServer, jsonAnswer, type HttpRoutes } from "../../src/ops/http-server.ts";
import { DeviceError } from "../../src/shared/errors.ts";
import { ask, askRaw } from "../support/http.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/until.ts";

const ROUTES: HttpRoutes = { "/healthz": () => jsonAnswer(200, { status: "ok" }) };

async function serve(t: TestContext, options: { hosts?: string[]; routes?: HttpRoutes } = {}) {
  const log = new KeptLog();
  const { hosts = [], routes = ROUTES } = options;
  const server = new HttpServer({ address: "127.0.0.1", port: 0, hosts, routes, logger: log });
  const port = await server.listen();
  t.after(() => server.close());
  return { port, log, server };
}

test("GET and HEAD of a known path are answered, a query is not looked at, and no other site may read", async (t) => {
  const { port } = await serve(t);
  const { status, headers, body } = await ask(port, { path: "/healthz?a=b" });
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(body), { status: "ok" });
  assert.equal(headers["cache-control"], "no-store");
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.deepEqual(
    Object.keys(headers).filter((name) => name.startsWith("access-control-")),
    [],
  );
  const head = await ask(port, { path: "/healthz", method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.body, "");
  assert.equal(head.headers["content-length"], String(body.length));
});

test("a path that is not there, an inherited name among them, is 404 with those that are", async (t) => {
  const { port } = await serve(t);
  for (const path of ["/", "/healthz/", "/constructor", "/__proto__", "/../healthz", "//healthz"]) {
    const { status, body } = await ask(port, { path });
    assert.equal(status, 404, path);
    assert.match(body, /\/healthz/);
  }
});

test("other methods are refused, and what follows on their connection is not read", async (t) => {
  const { port } = await serve(t);
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]) {
    const { status, headers } = await ask(port, { path: "/healthz", method });
    assert.deepEqual([status, headers.allow, headers.connection], [405, "GET, HEAD", "close"], method);
  }
  const smuggled = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const reply = await askRaw(
    port,
    `POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello${smuggled}`,
  );
  assert.deepEqual(reply.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 405"]);
});

test("a Host that is not listed is refused on loopback too; those of loopback and the listed ones are served", async (t) => {
  const { port } = await serve(t, { hosts: ["Edge1.plant.example"] });
  const served = [
    "localhost",
    "LOCALHOST:1",
    `127.0.0.1:${port}`,
    "[::1]:80",
    "edge1.plant.example",
    "edge1.plant.example.",
  ];
  for (const host of served) assert.equal((await ask(port, { path: "/healthz", headers: { host } })).status, 200, host);
  const foreign = [
    "evil.example",
    `evil.example:${port}`,
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "a@localhost",
    "127.0.0.2",
  ];
  for (const host of foreign)
    assert.equal((await ask(port, { path: "/healthz", headers: { host } })).status, 421, host);
});

test("a request of a page is refused unless its site is listed", async (t) => {
  const { port } = await serve(t, { hosts: ["grafana.plant.example"] });
  for (const [origin, status] of [
    ["http://localhost:3000", 200],
    ["https://grafana.plant.example", 200],
    ["https://evil.example", 403],
    ["http://evil.example@localhost", 403],
    ["null", 403],
    ["file://", 403],
  ] as const) {
    assert.equal((await ask(port, { path: "/healthz", headers: { origin } })).status, status, origin);
  }
});

test("a request without a Host, with two, or with one of HTTP/1.0 without is refused", async (t) => {
  const { port } = await serve(t);
  const send = (head: string) => askRaw(port, `${head}Connection: close\r\n\r\n`);
  assert.match(await send("GET /healthz HTTP/1.1\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await send("GET /healthz HTTP/1.0\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(await send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n"), /^HTTP\/1\.1 200 /);
});

test("long URLs, long headers and bodies are refused", async (t) => {
  const { port } = await serve(t);
  assert.equal((await ask(port, { path: `/healthz?${"x".repeat(248)}` })).status, 414);
  assert.equal((await ask(port, { path: `/healthz?${"x".repeat(247)}` })).status, 200);
  assert.equal((await ask(port, { path: "/healthz", headers: { cookie: "x".repeat(9_000) } })).status, 431);
  assert.equal((await ask(port, { path: "/healthz", body: "x", headers: { "content-length": "1" } })).status, 413);
});

test("a client that sends half a request does not hold its connection for ever", async (t) => {
  const { port } = await serve(t);
  assert.match(await askRaw(port, "GET /healthz HTTP/1.1\r\nHost: local"), /^HTTP\/1\.1 408 /);
});

test("more connections than a few are closed, and the server answers again when some have gone", async (t) => {
  const { port } = await serve(t);
  const sockets = Array.from({ length: 40 }, () => connect(port, "127.0.0.1"));
  const closed = new Set<unknown>();
  for (const socket of sockets) socket.on("error", () => undefined).on("close", () => closed.add(socket));
  await until("eight of 40 connections to be closed", () => closed.size >= 8);
  for (const socket of sockets) socket.destroy();
  await until("an answer", async () => {
    try {
      return (await ask(port, { path: "/healthz" })).status === 200;
    } catch {
      return false;
    }
  });
});

test("an answer that fails is 500 and told in the log, not to the client", async (t) => {
  const routes: HttpRoutes = { "/broken": () => Promise.reject(new Error("the reason")) };
  const { port, log } = await serve(t, { routes });
  const { status, body } = await ask(port, { path: "/broken" });
  assert.equal(status, 500);
  assert.doesNotMatch(body, /the reason/);
  assert.ok(log.lines.some(({ msg }) => msg.includes("the reason")));
});

test("a port that another program has is a DeviceError in words; so is an address of another machine", async (t) => {
  const other = createServer();
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const { port } = other.address() as AddressInfo;
  const listen = (address: string) =>
    new HttpServer({ address, port, hosts: [], routes: ROUTES, logger: new KeptLog() }).listen();
  await assert.rejects(listen("127.0.0.1"), (error: unknown) => {
    assert.ok(error instanceof DeviceError);
    assert.equal(error.code, "http-listen");
    assert.match(
      error.message,
      new RegExp(`^Expected port ${port} of 127\\.0\\.0\\.1 .*another program has it.*http\\.port`),
    );
    return true;
  });
  // Of TEST-NET-1 (RFC 5737), which no machine has.
  await assert.rejects(listen("192.0.2.1"), /the address is not of this device; set another http\.address/);
});

test("hosts: an IPv6 address stands in brackets", () => {
  const hosts = new HttpHosts("fd00::7", []);
  assert.equal(hosts.allows("[fd00::7]:9747"), true);
  assert.equal(hosts.allows("[FD00::7]"), true);
  assert.equal(hosts.allows("fd00::7"), false);
  assert.equal(hosts.allows("[fd00::8]"), false);
});
