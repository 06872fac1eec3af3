import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { connectAsync, type MqttClient } from "mqtt";
import { BankLink } from "../../src/mqtt/bank-link.ts";
import { bankTopics } from "../../src/mqtt/bank-topics.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { brokerConfig, Listener, ROOT, until } from "./fixtures.ts";

const topics = bankTopics(ROOT);
const TRANSFER = "0123456789abcdef";

interface Block {
  readonly transfer: string;
  readonly offset: number;
  readonly content: Buffer;
}

let broker: Mosquitto;
let sender: MqttClient;
const links: BankLink[] = [];

before(async () => {
  broker = await startMosquitto();
});
after(async () => {
  await broker.dispose();
});
beforeEach(async () => {
  sender = await connectAsync(broker.url, { reconnectPeriod: 50 });
  sender.on("error", () => undefined);
});
afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.close()));
  await sender.endAsync(true);
});

/** A link, and what has come over it. */
function open(): { link: BankLink; blocks: Block[]; ups: () => number } {
  const blocks: Block[] = [];
  let ups = 0;
  const link = new BankLink({
    ...{ broker: brokerConfig(broker.url), clientId: "nominald-plant-line1-st1-dev1-bank", credentialsFolder: null },
    ...{ topics, logger: silentLogger, clock: systemClock, random: () => 0.5 },
    onBlock: (transfer, offset, content) => void blocks.push({ transfer, offset, content: Buffer.from(content) }),
    onUp: () => void ups++,
  });
  links.push(link);
  return { link, blocks, ups: () => ups };
}

async function sendBlock(name: string, content: Buffer, retain = false): Promise<void> {
  await sender.publishAsync(`${topics.blocks}/${name}`, content, { qos: 1, retain });
}

test("what is wanted goes out as a wish, and the block that answers it comes in byte for byte", async () => {
  const { link, blocks, ups } = open();
  const heard = await new Listener().start(broker.url);
  try {
    assert.equal(link.up, false);
    link.start();
    await until("the connection", () => link.up);
    assert.equal(ups(), 1);
    link.request({ transfer: TRANSFER, offset: 65_536, count: 3 });
    await until("the wish", () => heard.texts("bank/get").length > 0);
    assert.deepEqual(heard.texts("bank/get"), ['{"transfer":"0123456789abcdef","offset":65536,"count":3}']);
    await sendBlock(`${TRANSFER}/65536`, Buffer.of(0, 255, 10));
    await until("the block", () => blocks.length > 0);
    assert.deepEqual(blocks, [{ transfer: TRANSFER, offset: 65_536, content: Buffer.of(0, 255, 10) }]);
  } finally {
    heard.stop();
  }
});

test("retained messages, and topics that name no block, are not given on", async () => {
  const { link, blocks } = open();
  await sendBlock(`${TRANSFER}/0`, Buffer.from("old"), true);
  link.start();
  await until("the connection", () => link.up);
  for (const name of ["x", TRANSFER, `${TRANSFER}/0/0`, `${TRANSFER}/-1`, `${TRANSFER}/1e3`, "0123456789ABCDEF/0"]) {
    await sendBlock(name, Buffer.from("foreign"));
  }
  // In order behind all of them, so when it is there they have been seen.
  await sendBlock(`${TRANSFER}/7`, Buffer.from("good"));
  await until("the good block", () => blocks.length > 0);
  assert.deepEqual(
    blocks.map(({ offset, content }) => `${offset} ${content.toString()}`),
    ["7 good"],
  );
  await sendBlock(`${TRANSFER}/0`, Buffer.alloc(0), true);
});

test("a broker that was away is told of: the link is down, comes up again by itself, and hears blocks again", async () => {
  const { link, blocks, ups } = open();
  link.start();
  await until("the connection", () => link.up);
  await broker.kill();
  await until("the loss", () => !link.up);
  await broker.start();
  await until("the connection again", () => link.up);
  assert.equal(ups(), 2);
  await until("the sender", () => sender.connected);
  await sendBlock(`${TRANSFER}/0`, Buffer.from("after"));
  await until("the block", () => blocks.length > 0);
  assert.equal(blocks[0]?.content.toString(), "after");
});

test("a link that was closed hears nothing more, and closing it twice is no error", async () => {
  const { link, blocks, ups } = open();
  const other = open();
  link.start();
  await until("the connection", () => link.up);
  await link.close();
  await link.close();
  assert.equal(link.up, false);
  // A second link in its place is another connection under the same name; the first does not come back and take it.
  other.link.start();
  await until("the other connection", () => other.link.up);
  await sendBlock(`${TRANSFER}/0`, Buffer.from("late"));
  await until("the block", () => other.blocks.length > 0);
  assert.deepEqual([blocks.length, ups(), other.ups()], [0, 1, 1]);
});
