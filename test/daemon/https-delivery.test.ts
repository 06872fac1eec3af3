import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import { writeBank } from "../../src/bank/bundle-write.ts";
import { HttpsAccess } from "../../src/bank/https-access.ts";
import type { SigningKey } from "../../src/bank/signing-key.ts";
import type { OfferedFiles } from "../../src/cli/push/offered-files.ts";
import { sampleDraft } from "../bank/sample-bank.ts";
import { makeCertificates, type TestCertificates } from "../support/mosquitto.ts";
import { until } from "../support/until.ts";
import { bankOffer, DeliveryRig, prepareDevice, sign, type DeliveryRigOptions } from "./delivery-rig.ts";

type Handler = (request: IncomingMessage, response: ServerResponse, range: readonly [number, number]) => void;

const models = builtInModelsFolder();
let folder: string;
let first: string;
let second: string;
let content: Buffer;
let certificates: TestCertificates;
let server: https.Server;
let host: string;
let key: SigningKey;
let stateFolder: string;
let count = 0;
/** What the server does, and the ranges that it was asked for. */
let answer: Handler;
let asked: string[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-https-"));
  certificates = await makeCertificates(folder);
  const { manifest } = await findBackbone([models], { name: "efficientnet-lite0" });
  const draft = sampleDraft();
  const named = { ...draft.manifest, backbone: { name: manifest.name, sha256: manifest.sha256 } };
  first = join(folder, "first.bank");
  second = join(folder, "second.bank");
  await writeBank(first, { ...draft, manifest: { ...named, name: "first" } });
  const { width, height } = named.parameters.resize;
  const frame = { name: "001.png", knownBad: false, expect: "PASS" as const, score: 1 };
  const golden = new Uint8Array(width * height * 3);
  const withGolden = { ...named, name: "second", golden: { width, height, frames: [frame] } };
  await writeBank(second, { ...draft, manifest: withGolden, golden });
  content = readFileSync(second);
  await mkdir(join(folder, "fresh"));
  key = prepareDevice(join(folder, "fresh")).key;
  const { serverCertFile, serverKeyFile } = certificates;
  server = https.createServer(
    { cert: readFileSync(serverCertFile), key: readFileSync(serverKeyFile) },
    (request, response) => {
      const { range = "" } = request.headers;
      asked.push(range);
      const [, from = "", to = ""] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
      answer(request, response, [Number(from), Number(to)]);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `localhost:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  stateFolder = join(folder, `state-${++count}`);
  cpSync(join(folder, "fresh"), stateFolder, { recursive: true });
  asked = [];
  answer = serve;
});

const serve: Handler = (_request, response, [from, to]) => {
  response.writeHead(206, { "content-range": `bytes ${from}-${to}/${content.length}` });
  response.end(content.subarray(from, to + 1));
};

const BLOCK_BYTES = 65_536;
const blocks = (): number => Math.ceil(content.length / BLOCK_BYTES);

/** A device that trusts the server, and an offer of the second bank at `url`. */
async function rigOf(
  url = `https://${host}/banks/second.bank`,
  options: Partial<DeliveryRigOptions> = {},
): Promise<{ rig: DeliveryRig; offered: OfferedFiles; offer: () => void }> {
  const { offer, offered } = await bankOffer(second, url);
  const { limits, ...others } = options;
  const rig = new DeliveryRig({
    ...{ stateFolder, modelsFolder: models, configured: first, offered, ...others },
    limits: { httpsHosts: [host], caFile: certificates.caFile, ...limits },
  });
  rig.delivery.start();
  return { rig, offered, offer: () => rig.delivery.receive(sign(offer, 1, key)) };
}

/** A request at a time, so that a test knows which comes next. */
async function stage(rig: DeliveryRig, wanted: string): Promise<void> {
  await until(`stage ${wanted}`, () => rig.state.delivery?.stage === wanted);
}

test("a bank comes from a listed host in ranges, checked by the table that came over the broker", async () => {
  const wires: number[] = [];
  const { rig, offer } = await rigOf(undefined, {
    onWire: (bytes) => {
      wires.push(bytes.length);
      return bytes;
    },
  });
  offer();
  await stage(rig, "probation");
  assert.deepEqual(readFileSync(rig.banks.pathOf(rig.banks.slots.active)), content);
  // Over the broker came the table alone.
  assert.deepEqual(wires, [32 * blocks()]);
  const expected = Array.from({ length: blocks() }, (_, at) => {
    return `bytes=${at * BLOCK_BYTES}-${Math.min(content.length, (at + 1) * BLOCK_BYTES) - 1}`;
  });
  assert.deepEqual([...asked].sort(), [...expected].sort());
  await rig.delivery.close();
});

test("the rate cap holds for a web server too", async () => {
  // 640 KiB a second: a block each 100 ms, and none before its time.
  const { rig, offer } = await rigOf(undefined, { limits: { maxKibibytesPerS: 640 } });
  const times: number[] = [];
  answer = (...all) => {
    times.push(performance.now());
    serve(...all);
  };
  offer();
  await stage(rig, "probation");
  const spanMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
  assert.ok(spanMs > 90 * (blocks() - 1) - 50, `${spanMs} ms`);
  await rig.delivery.close();
});

test("a transfer goes on after a restart with the blocks that it has, and nobody has to send the table again", async () => {
  const { rig, offer } = await rigOf();
  answer = (request, response, range) => {
    // The third and all later ones never come.
    if (asked.length <= 2) serve(request, response, range);
  };
  offer();
  await until("two blocks and requests that hang", () => asked.length > 4);
  await rig.delivery.close();
  server.closeAllConnections();
  const before = asked.slice(0, 2);
  asked = [];
  answer = serve;
  const again = await rigOf(undefined, { offered: null });
  await stage(again.rig, "probation");
  assert.equal(asked.length, blocks() - 2);
  assert.ok(before.every((range) => !asked.includes(range)));
  await again.rig.delivery.close();
});

test("a server that is away, busy or cuts off is asked again; what it sends damaged too", async () => {
  const { rig, offer } = await rigOf();
  let requests = 0;
  answer = (request, response, range) => {
    requests++;
    if (requests === 1) response.destroy();
    else if (requests === 2) response.writeHead(503).end();
    else if (requests === 3) {
      const [from, to] = range;
      response.writeHead(206, { "content-range": `bytes ${from}-${to}/${content.length}` });
      response.write(content.subarray(from, from + 100), () => response.destroy());
    } else if (requests === 4) {
      const [from, to] = range;
      response.writeHead(206, { "content-range": `bytes ${from}-${to}/${content.length}` });
      response.end(Buffer.alloc(to + 1 - from, 7));
    } else serve(request, response, range);
  };
  offer();
  await stage(rig, "probation");
  assert.ok(requests >= blocks() + 4, String(requests));
  assert.deepEqual(readFileSync(rig.banks.pathOf(rig.banks.slots.active)), content);
  await rig.delivery.close();
});

test("a redirect on the same host is followed", async () => {
  const { rig, offer } = await rigOf(`https://${host}/latest`);
  answer = (request, response, range) => {
    if (request.url === "/latest") response.writeHead(302, { location: "/banks/2" }).end();
    else serve(request, response, range);
  };
  offer();
  await stage(rig, "probation");
  await rig.delivery.close();
});

test("URLs of another scheme or host, or with a login, are refused before anything is fetched", async () => {
  const { rig } = await rigOf();
  let counter = 1;
  for (const [url, code, expected] of [
    [`http://${host}/x`, "url-scheme", /^Expected https:\/\/ but received http:\/\/localhost:\d+$/],
    ["ftp://localhost/x", "url-scheme", /received ftp:/],
    [
      "https://elsewhere.example/x",
      "url-host",
      /httpsHosts, which lists localhost:\d+, but received elsewhere\.example$/,
    ],
    [`https://localhost/x`, "url-host", /but received localhost$/],
    [`https://${host}.evil.example/x`, "url-form", /^Expected a URL/],
    [`https://evil.example\\@${host}/x`, "url-host", /received evil\.example$/],
    [
      `https://me:secret@${host}/x`,
      "url-form",
      /without user and password for https:\/\/localhost:\d+ but it has them$/,
    ],
    ["nowhere", "url-form", /^Expected a URL but received nowhere$/],
  ] as const) {
    const { offer } = await bankOffer(second, url);
    rig.delivery.receive(sign(offer, counter++, key));
    await until(
      `the refusal of ${url}`,
      () => rig.state.refused?.code === code && expected.test(rig.state.refused.message),
    );
  }
  assert.equal(rig.state.delivery, null);
  assert.deepEqual(asked, []);
  await rig.delivery.close();
  const none = await rigOf(undefined, { limits: { httpsHosts: [] } });
  none.offer();
  await until("the refusal", () => none.rig.state.refused?.code === "url-host");
  assert.match(none.rig.state.refused?.message ?? "", /which lists none/);
  await none.rig.delivery.close();
});

test("a server that cannot serve the offered file ends the delivery with what is wrong, and nothing stays on the disk", async () => {
  const elsewhere = http.createServer((_request, response) => response.end("x"));
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
  const other = `http://localhost:${(elsewhere.address() as AddressInfo).port}/`;
  const cases: readonly (readonly [string, string, RegExp, Handler])[] = [
    ["https-no-range", "refused", /206 but it answers 200/, (_, response) => void response.end(content)],
    [
      ...(["https-length", "refused"] as const),
      new RegExp(`Expected a file of ${content.length} bytes on localhost:\\d+ but it has 17`),
      (_, response, [from, to]) => {
        response.writeHead(206, { "content-range": `bytes ${from}-${to}/17` });
        response.end(content.subarray(from, to + 1));
      },
    ],
    ["https-length", "refused", /but it has fewer/, (_, response) => void response.writeHead(416).end()],
    [
      ...(["https-range", "refused"] as const),
      /Expected bytes \d+ to \d+ of localhost:\d+ but received bytes 1-2/,
      (_, response) => void response.writeHead(206, { "content-range": `bytes 1-2/${content.length}` }).end("ab"),
    ],
    [
      ...(["https-range", "refused"] as const),
      /Expected \d+ bytes but more came/,
      (_, response, [from, to]) => {
        response.writeHead(206, { "content-range": `bytes ${from}-${to}/${content.length}` });
        response.end(Buffer.alloc(to - from + 2));
      },
    ],
    ["https-status", "refused", /it answers 404/, (_, response) => void response.writeHead(404).end()],
    [
      ...(["https-redirect", "refused"] as const),
      /Expected the file on localhost:\d+ but it redirects to http:\/\/localhost:\d+/,
      (_, response) => void response.writeHead(302, { location: other }).end(),
    ],
    [
      ...(["https-redirect", "refused"] as const),
      /Expected a file but localhost:\d+ redirects/,
      (request, response) => void response.writeHead(302, { location: `${request.url}x` }).end(),
    ],
  ];
  try {
    for (const [code, end, expected, handler] of cases) {
      stateFolder = join(folder, `state-${++count}`);
      cpSync(join(folder, "fresh"), stateFolder, { recursive: true });
      answer = handler;
      const { rig, offer } = await rigOf();
      offer();
      await stage(rig, end);
      assert.equal(rig.state.delivery?.reason?.code, code);
      assert.match(rig.state.delivery.reason.message, expected);
      assert.equal(rig.banks.slots.active, null);
      await rig.delivery.close();
    }
  } finally {
    elsewhere.closeAllConnections();
    elsewhere.close();
  }
});

test("a server whose certificate another authority signed is not believed, nor a file of authorities that is not there", async () => {
  const others = await mkdtemp(join(folder, "others-"));
  const { caFile } = await makeCertificates(others);
  const stranger = await rigOf(undefined, { limits: { caFile } });
  stranger.offer();
  await stage(stranger.rig, "failed");
  assert.equal(stranger.rig.state.delivery?.reason?.code, "https-tls");
  assert.match(
    stranger.rig.state.delivery.reason.message,
    /Expected localhost:\d+ to have a certificate of delivery\.caFile/,
  );
  await stranger.rig.delivery.close();
  stateFolder = join(folder, `state-${++count}`);
  cpSync(join(folder, "fresh"), stateFolder, { recursive: true });
  const missing = await rigOf(undefined, { limits: { caFile: "/no/such/ca.pem" } });
  missing.offer();
  await stage(missing.rig, "failed");
  assert.equal(missing.rig.state.delivery?.reason?.code, "https-ca");
  assert.deepEqual(asked, []);
  await missing.rig.delivery.close();
});

test("without a file of its own the device believes the authorities of the system", async () => {
  const access = (environment: Record<string, string>): HttpsAccess => {
    return new HttpsAccess({ hosts: [], caFile: null, environment });
  };
  const own = await access({ SSL_CERT_FILE: certificates.caFile }).authorities();
  assert.equal(own, readFileSync(certificates.caFile, "utf8"));
  const system = await access({ SSL_CERT_FILE: "/no/such/file" }).authorities();
  assert.match(typeof system === "string" ? system : (system[0] ?? ""), /-----BEGIN CERTIFICATE-----/);
});
