import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CONTRACT } from "../../src/mqtt/contract.ts";

const ROOT = "nominal/v1/plant1/line1/st1/";
const read = (name: string): string => readFileSync(new URL(`../../config/acl/${name}`, import.meta.url), "utf8");

/** One right, as "user write topic". */
function mosquittoRights(): readonly string[] {
  let user = "";
  return read("mosquitto.acl")
    .split("\n")
    .flatMap((line) => {
      const [word, second = "", topic = ""] = line.trim().split(/\s+/);
      if (word === "user") user = second;
      return word === "topic" ? [`${user} ${second} ${topic}`] : [];
    });
}

function emqxRights(): readonly string[] {
  const rules = [
    ...read("emqx.conf").matchAll(/\{allow, \{username, "(\w+)"\}, (publish|subscribe), \[([^\]]*)\]\}\./g),
  ];
  return rules.flatMap(([, user = "", action = "", topics = ""]) =>
    [...topics.matchAll(/"([^"]+)"/g)].map(
      ([, topic = ""]) => `${user} ${action === "publish" ? "write" : "read"} ${topic}`,
    ),
  );
}

test("the example rules for EMQX give the same rights as those for mosquitto, and end with a refusal", () => {
  assert.ok(mosquittoRights().length > 20);
  assert.deepEqual([...emqxRights()].sort(), [...mosquittoRights()].sort());
  assert.match(read("emqx.conf").trim(), /\{deny, all\}\.$/);
});

test("the rules let the daemon say and hear exactly what the contract has", () => {
  const wildcard = (topic: string): string =>
    topic
      .replace("<name>", "+")
      .replace(/^(tag|image)\/.*/, "$1/+")
      .replace(/^bank\/blk\/.*/, "bank/blk/#");
  const needed = CONTRACT.map(
    ({ topic, direction }) => `nominald ${direction === "out" ? "write" : "read"} ${ROOT}${wildcard(topic)}`,
  );
  const given = mosquittoRights().filter((right) => right.startsWith("nominald ") && !right.includes("/_device/"));
  assert.deepEqual([...given].sort(), [...new Set(needed)].sort());
});

test("nobody but the PLC may trigger, and nobody but the daemon may say a result", () => {
  const writers = (topic: string): string[] =>
    mosquittoRights()
      .filter((right) => right.endsWith(` write ${ROOT}${topic}`))
      .map((right) => right.split(" ")[0] ?? "");
  assert.deepEqual(writers("plc/trigger"), ["plc"]);
  assert.deepEqual(writers("plc/result"), ["nominald"]);
  assert.deepEqual(writers("cmd/trigger"), []);
});
