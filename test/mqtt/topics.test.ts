import assert from "node:assert/strict";
import { test } from "node:test";
import { stationTopics } from "../../src/mqtt/topics.ts";
import { ConfigError } from "../../src/shared/errors.ts";

test("a station's topics lie below its own root", () => {
  const topics = stationTopics({ site: "plant-1", line: "press_2", station: "s3" });
  assert.equal(topics.plcResult, "nominal/v1/plant-1/press_2/s3/plc/result");
  assert.equal(topics.tag.ng, "nominal/v1/plant-1/press_2/s3/tag/ng");
});

test("a segment that would reach beyond its place is refused with its name", () => {
  for (const line of ["", "a/b", "+", "#", "Line", "ä", "a b", "x".repeat(33), "a\0"]) {
    assert.throws(
      () => stationTopics({ site: "plant", line, station: "s" }),
      (error) => error instanceof ConfigError && error.code === "topic-segment" && error.message.includes("for line"),
    );
  }
});
