import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { LineClient } from "../support/line-client.ts";
import { makeCertificates, type TestCertificates } from "../support/mosquitto.ts";
import { bankState, PushRig } from "../support/push-rig.ts";

let rig: PushRig;
let certificates: TestCertificates;
let server: https.Server;
let host: string;
/** Bytes that the web server gave. */
let served = 0;

before(async () => {
  rig = await PushRig.prepare();
  certificates = await makeCertificates(rig.folder);
  const content = readFileSync(rig.bank);
  const { serverCertFile, serverKeyFile } = certificates;
  const credentials = { cert: readFileSync(serverCertFile), key: readFileSync(serverKeyFile) };
  server = https.createServer(credentials, ({ headers }, response) => {
    const [, from = "0", to = "0"] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    const part = content.subarray(Number(from), Number(to) + 1);
    served += part.length;
    response.writeHead(206, { "content-range": `bytes ${from}-${to}/${content.length}` });
    response.end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `localhost:${(server.address() as AddressInfo).port}`;
});

after(async () => {
  server.closeAllConnections();
  server.close();
  await rig.dispose();
});

test("the daemon takes a pushed bank from a web server that it lists, and from no other", async () => {
  const client = await LineClient.connect(rig.broker.url);
  const url = `https://${host}/second.bank`;
  const strict = await rig.run();
  try {
    await client.until("verdicts of the first bank", () => client.results().length >= 3);
    const refused = await rig.push(rig.bank, "--url", url);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout + refused.stderr, /delivery\.httpsHosts/);
    assert.equal(served, 0, "a host that is not listed is not asked");
  } finally {
    await strict.dispose();
  }
  const daemon = await rig.run({ httpsHosts: [host], caFile: certificates.caFile });
  try {
    const before = client.results().length;
    await client.until("verdicts again", () => client.results().length >= before + 3);
    const pushed = await rig.push(rig.bank, "--url", url);
    assert.equal(pushed.code, 0, pushed.stdout + pushed.stderr + daemon.stderr);
    await client.until("the end", () => bankState(client)?.delivery?.stage === "committed");
    assert.equal(served, readFileSync(rig.bank).length);
    assert.match(client.records().at(-1)?.bank ?? "", /^second-/);
  } finally {
    await daemon.dispose();
    await client.close();
  }
});
