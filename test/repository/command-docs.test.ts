import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { isGroup, optionsOf } from "../../src/cli/command-line/command-spec.ts";
import { EXIT_MEANINGS } from "../../src/cli/command-line/exit-meanings.ts";
import { groupHelp, helpOf } from "../../src/cli/command-line/help.ts";
import { ALL_COMMANDS, leafCommands } from "../../src/cli/commands/all.ts";
import { EXIT } from "../../src/shared/exit-codes.ts";
import { commandDocuments } from "../support/command-documents.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const DOCS = join(ROOT, "docs");
const DOCUMENTS = commandDocuments();
const text = (name: string): string => readFileSync(join(DOCS, name), "utf8");

/* After a change of the code: npm run docs */
test("man page and completions in docs/ are what the definitions of the subcommands say", () => {
  for (const [name, content] of Object.entries(DOCUMENTS)) {
    if (process.env["NOMINALD_WRITE_DOCS"] === "1") {
      mkdirSync(dirname(join(DOCS, name)), { recursive: true });
      writeFileSync(join(DOCS, name), content);
    }
    assert.equal(text(name), content, `docs/${name}: run npm run docs`);
  }
});

test("arguments are parsed in one place, so that no subcommand takes an option of which the documents say nothing", () => {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const parsing = files.filter((name) =>
    /\bparseArgs\b.*node:util|process\.argv/.test(readFileSync(join(ROOT, "src", name), "utf8")),
  );
  const children = parsing.filter((name) => !name.endsWith(".child.ts"));
  assert.deepEqual(children.sort(), ["cli/command-line/parse.ts", "main.ts"]);
});

test("every option is in the help of its subcommand, in the man page and in each completion", () => {
  const man = DOCUMENTS["nominald.1"] ?? "";
  const bash = DOCUMENTS["completion/nominald.bash"] ?? "";
  const zsh = DOCUMENTS["completion/_nominald"] ?? "";
  const fish = DOCUMENTS["completion/nominald.fish"] ?? "";
  for (const spec of leafCommands()) {
    const section = man.split(`.SS nominald ${spec.name}\n`)[1]?.split(/^\.S[SH] /m)[0] ?? "";
    const bashCase = bash.split(`  "${spec.name}")\n`)[1]?.split(";;")[0] ?? "";
    for (const [name] of optionsOf(spec)) {
      const where = `${spec.name} --${name}`;
      assert.match(helpOf(spec), new RegExp(`^  --${name}( |$)`, "m"), where);
      assert.ok(section.includes(`\\fB\\-\\-${name.replaceAll("-", "\\-")}\\fR`), `man page, ${where}`);
      assert.match(bashCase, new RegExp(`options="[^"]*--${name}[ "]`), where);
      assert.ok(zsh.includes(`--${name}[`), `zsh, ${where}`);
      const last = spec.name.slice(spec.name.lastIndexOf(" ") + 1);
      assert.match(fish, new RegExp(`__fish_seen_subcommand_from ${last}' -l ${name} `), where);
    }
  }
  for (const entry of ALL_COMMANDS) {
    if (!isGroup(entry)) continue;
    for (const { name } of entry.commands) assert.ok(groupHelp(entry).includes(`nominald ${name}`), name);
  }
});

test("the README's exit codes are those of the program", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  for (const [name, code] of Object.entries(EXIT)) {
    const row = `| ${code} | ${EXIT_MEANINGS[name as keyof typeof EXIT]} |`;
    assert.ok(readme.includes(row), row);
  }
});

const withoutMan = spawnSync("man", ["--version"]).status !== 0 && "no man";

test("man renders the page without a warning", { skip: withoutMan }, () => {
  const args = ["--warnings=w", "--local-file", join(DOCS, "nominald.1")];
  const env = { ...process.env, MANWIDTH: "80", LC_ALL: "C.UTF-8" };
  const { status, stdout, stderr } = spawnSync("man", args, { encoding: "utf8", env });
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /^ {3}nominald push bank$/m);
  assert.match(stdout, /--false-reject-rate R/);
});

/** What bash offers after a line. */
function completed(line: string): readonly string[] {
  const words = line.split(" ");
  const script = `
    compopt() { :; }
    source ${join(DOCS, "completion", "nominald.bash")}
    COMP_WORDS=(${words.map((word) => `"${word}"`).join(" ")}) COMP_CWORD=${words.length - 1}
    _nominald
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["-c", script], { encoding: "utf8", cwd: ROOT });
  assert.deepEqual([status, stderr], [0, ""], line);
  return stdout.split("\n").filter((word) => word !== "");
}

test("bash completes subcommands, options, words and files", () => {
  assert.deepEqual(completed("nominald ev"), ["eval"]);
  assert.deepEqual(completed("nominald keys "), ["generate", "trust", "list", "revoke", "rearm", "--help"]);
  assert.deepEqual(completed("nominald keys trust --ro"), ["--role"]);
  assert.deepEqual(completed("nominald keys trust --role c"), ["config"]);
  assert.deepEqual(completed("nominald fit --images tes"), ["test"]);
  assert.deepEqual(completed("nominald config check pack"), ["package.json", "package-lock.json"].sort());
  assert.deepEqual(completed("nominald fit --threads 1 --pre"), ["--preset"]);
  assert.deepEqual(completed("nominald score --index "), ["auto", "exact", "hnsw"]);
  assert.deepEqual(completed("nominald nothing "), []);
});

for (const [shell, file] of [
  ["bash", "nominald.bash"],
  ["zsh", "_nominald"],
  ["fish", "nominald.fish"],
] as const) {
  const skip = spawnSync(shell, ["--version"]).status !== 0 && `no ${shell}`;
  test(`${shell} reads its completion without a complaint`, { skip }, () => {
    const { status, stderr } = spawnSync(shell, ["-n", join(DOCS, "completion", file)], { encoding: "utf8" });
    assert.deepEqual([status, stderr], [0, ""]);
  });
}
