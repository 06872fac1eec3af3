import assert from "node:assert/strict";
import { test } from "node:test";
import { plcResultOf } from "../../src/mqtt/payloads.ts";
import { RetainedValues } from "../../src/mqtt/retained-values.ts";
import { StationTags } from "../../src/mqtt/station-tags.ts";
import { stationTopics } from "../../src/mqtt/topics.ts";
import { BOOT, IDENTITY, outcome } from "./fixtures.ts";

function tagsOf() {
  const { root, tag: topics } = stationTopics(IDENTITY);
  const short = (topic: string): string => topic.slice(root.length + 1);
  const sent: string[] = [];
  const retained = new RetainedValues();
  const connection = {
    up: true,
    publish: (topic: string, payload: string | Buffer, options: object) =>
      void sent.push(`${short(topic)}=${payload.toString()} ${JSON.stringify(options)}`),
  };
  const tags = new StationTags({ topics, connection, retained });
  /** What is to be retained and has not left yet. */
  const waiting = (): string[] => {
    const values: string[] = [];
    for (;;) {
      const message = retained.next({ urgent: false, qos1: false });
      if (message === undefined) return values;
      values.push(`${short(message.topic)}=${message.payload}`);
    }
  };
  return { tags, connection, sent, waiting };
}

const FAILED = outcome(1, { verdict: "FAIL", score: 2, part: "p1" });

test("bank and totals are retained, from before the first part on", () => {
  const { tags, sent, waiting } = tagsOf();
  assert.deepEqual(waiting(), ["tag/bank=-", "tag/total=0", "tag/ng=0"]);
  tags.setBank("washer-1a2b3c4d");
  tags.setTotals({ total: 3, ng: 0 });
  assert.deepEqual(waiting(), ["tag/bank=washer-1a2b3c4d", "tag/total=3"], "what is as it was is not sent again");
  tags.setBank(null);
  assert.deepEqual(waiting(), ["tag/bank=-"]);
  assert.deepEqual(sent, []);
});

test("an outcome's tags leave at once, or are dropped and counted", () => {
  const { tags, connection, sent, waiting } = tagsOf();
  waiting();
  const result = plcResultOf(FAILED, BOOT);
  tags.publishOutcome(result, "r7", false);
  const expected = ["tag/verdict=2", "tag/score=2000", "tag/part=p1", "tag/recipe=r7"];
  assert.deepEqual(
    sent,
    expected.map((tag) => `${tag} {"qos":0}`),
  );
  tags.publishOutcome(result, "r7", true);
  connection.up = false;
  tags.publishOutcome(result, "r7", false);
  assert.deepEqual([sent.length, tags.dropped, waiting()], [4, 8, []]);
});
