import assert from "node:assert/strict";
import { test } from "node:test";
import { ArrivalForecast } from "../../src/inference/arrival-forecast.ts";

function comeAt(forecast: ArrivalForecast, station: string, times: readonly number[]): void {
  for (const atMs of times) forecast.came(station, atMs);
}

test("a station in a rhythm leaves room until its next frame is due, and none when that is overdue", () => {
  const forecast = new ArrivalForecast();
  comeAt(forecast, "a", [0, 100, 200, 300]);
  assert.equal(forecast.roomMs("a", 330), 70);
  assert.equal(forecast.roomMs("a", 420), 0);
});

test("of nobody's next frame anything is known after fewer than three frames", () => {
  const forecast = new ArrivalForecast();
  assert.equal(forecast.roomMs("a", 0), Infinity);
  comeAt(forecast, "a", [0, 100]);
  assert.equal(forecast.roomMs("a", 110), Infinity);
});

test("the second shortest of the last eight gaps counts: one burst says nothing, a faster line does", () => {
  const forecast = new ArrivalForecast();
  comeAt(forecast, "a", [0, 100, 101, 200, 300]);
  // Gaps 100, 1, 99, 100.
  assert.equal(forecast.roomMs("a", 300), 99);
  comeAt(forecast, "a", [340, 380]);
  assert.equal(forecast.roomMs("a", 380), 40);
  // Eight slow ones later the fast ones are forgotten.
  comeAt(forecast, "a", [580, 780, 980, 1_180, 1_380, 1_580, 1_780, 1_980]);
  assert.equal(forecast.roomMs("a", 1_980), 200);
});

test("another station's next frame counts, unless it is overdue: it may have paused", () => {
  const forecast = new ArrivalForecast();
  comeAt(forecast, "a", [0, 100, 200]);
  comeAt(forecast, "b", [10, 60, 110, 160, 210]);
  assert.equal(forecast.roomMs("a", 215), 45);
  assert.equal(forecast.roomMs("a", 270), 30);
});
