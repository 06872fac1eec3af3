import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

test("each claim of SECURITY.md names a test that there is", () => {
  const text = readFileSync(join(ROOT, "SECURITY.md"), "utf8").replaceAll(/\s+/g, " ");
  const named = [...text.matchAll(/test: "([^"]+)"/g)].map(([, name = ""]) => name);
  const sources = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(ROOT, "test", name), "utf8"))
    .join("\n");
  // A name with a placeholder is a test for each of its values.
  const names = [...sources.matchAll(/\btest\(\s*["`]([^"`]+)["`]/g)].map(([, name = ""]) => name);
  const isThere = (name: string): boolean =>
    names.some((one) => one === name || new RegExp(`^${escaped(one).replace(/\\\$\\\{[^}]*\\\}/g, ".+")}$`).test(name));
  assert.ok(named.length >= 20);
  assert.deepEqual(
    named.filter((name) => !isThere(name)),
    [],
  );
});

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
