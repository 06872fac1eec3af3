import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { pack } from "tar-stream";
import { readBank, readBankManifest } from "../../src/bank/bundle-read.ts";
import { writeBank } from "../../src/bank/bundle-write.ts";
import { InputError } from "../../src/shared/errors.ts";
import { sampleDraft } from "./sample-bank.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-bank-"));
});
after(async () => {
  await rm(folder, { recursive: true });
});

function isInputError(code: string, message = /./): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

/** A tar file of the given entries, as any other program might make it. */
async function tarOf(path: string, entries: readonly (readonly [string, Uint8Array | string])[]): Promise<void> {
  const tar = pack();
  for (const [name, content] of entries) tar.entry({ name }, Buffer.from(content));
  tar.finalize();
  const pieces: Uint8Array[] = [];
  for await (const piece of tar) {
    assert.ok(piece instanceof Uint8Array);
    pieces.push(piece);
  }
  await writeFile(path, Buffer.concat(pieces));
}

test("a bank comes back as it was written, with an id out of its name and its manifest's digest", async () => {
  const path = join(folder, "round.bank");
  const draft = sampleDraft({ hnsw: true });
  const written = await writeBank(path, draft);
  const bank = await readBank(path);
  assert.deepEqual(bank.rows, draft.rows);
  assert.deepEqual(bank.quantised, draft.quantised);
  assert.deepEqual(bank.mean, draft.mean);
  assert.deepEqual(bank.rowImage, draft.rowImage);
  assert.deepEqual(bank.hnsw, draft.hnsw);
  assert.deepEqual(bank.manifest, written.manifest);
  assert.deepEqual(bank.manifest.calibration, draft.manifest.calibration);
  assert.match(bank.bankId, /^washer-[0-9a-f]{8}$/);
  assert.equal(bank.bankId, written.bankId);
  assert.equal(bank.fileBytes, (await readFile(path)).length);
  assert.equal(bank.fileBytes, written.fileBytes);
});

test("a bank with learned detail comes back with its kernels, and with values that are numbers only", async () => {
  const path = join(folder, "detail.bank");
  const draft = sampleDraft({ detail: true });
  const { manifest } = await writeBank(path, draft);
  assert.equal(manifest.files["detail.f32"]?.bytes, 36);
  assert.deepEqual((await readBank(path)).detail, draft.detail);
  await writeBank(path, { ...draft, detail: new Float32Array(9).fill(Infinity) });
  await assert.rejects(readBank(path), isInputError("bank-damaged", /detail\.f32/));
});

test("kernels without a rule, and a rule without kernels, are our own mistake", async () => {
  const path = join(folder, "half.bank");
  await assert.rejects(writeBank(path, { ...sampleDraft(), detail: new Float32Array(9) }), { code: "bank-draft" });
  await assert.rejects(writeBank(path, { ...sampleDraft({ detail: true }), detail: null }), { code: "bank-draft" });
});

test("the head alone tells manifest and id, and does not look at the arrays", async () => {
  const path = join(folder, "head.bank");
  const written = await writeBank(path, sampleDraft());
  const bytes = await readFile(path);
  // The last array ends in front of the end mark of 1024 bytes; row-image.i32 is 12 bytes in a block of 512.
  bytes[bytes.length - 1024 - 512] = 99;
  await writeFile(path, bytes);
  assert.deepEqual(await readBankManifest(path), {
    manifest: written.manifest,
    bankId: written.bankId,
    fileBytes: bytes.length,
  });
  await assert.rejects(readBank(path), isInputError("bank-damaged", /row-image\.i32/));
});

test("the same draft gives the same bytes, and only createdAt makes another file", async () => {
  const [first, second, later] = ["a.bank", "b.bank", "c.bank"].map((name) => join(folder, name));
  assert.ok(first !== undefined && second !== undefined && later !== undefined);
  await writeBank(first, sampleDraft());
  await writeBank(second, sampleDraft());
  await writeBank(later, sampleDraft({ createdAt: "2026-01-31T12:00:00.000Z" }));
  assert.deepEqual(await readFile(first), await readFile(second));
  assert.notDeepEqual(await readFile(first), await readFile(later));
  assert.deepEqual((await readBank(first)).rows, (await readBank(later)).rows);
});

test("tar lists a bank with its manifest first, and sha256sum confirms the manifest", async () => {
  const path = join(folder, "tar.bank");
  await writeBank(path, sampleDraft({ hnsw: true }));
  const names = execFileSync("tar", ["-tf", path], { encoding: "utf8" }).trim().split("\n");
  assert.deepEqual(names, [
    "manifest.json",
    "manifest.sha256",
    "rows.f32",
    "rows.i8",
    "mean.f32",
    "row-image.i32",
    "hnsw.usearch",
  ]);
  const unpacked = join(folder, "unpacked");
  await mkdir(unpacked);
  execFileSync("tar", ["-xf", path, "-C", unpacked]);
  execFileSync("sha256sum", ["-c", "--status", "manifest.sha256"], { cwd: unpacked });
});

test("a bank of which any one byte is another is refused or has the same content", async () => {
  const path = join(folder, "flip.bank");
  const draft = sampleDraft({ hnsw: true });
  await writeBank(path, draft);
  const good = await readBank(path);
  const bytes = await readFile(path);
  const flipped = join(folder, "flipped.bank");
  let accepted = 0;
  const flip = async (at: number, by: number): Promise<void> => {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ by;
    await writeFile(flipped, changed);
    try {
      assert.deepEqual(await readBank(flipped), good);
      accepted += 1;
    } catch (error) {
      assert.ok(error instanceof InputError, `byte ${at} ^ ${by}: ${String(error)}`);
    }
  };
  const anyByte = fc.integer({ min: 0, max: bytes.length - 1 });
  await fc.assert(fc.asyncProperty(anyByte, fc.integer({ min: 1, max: 255 }), flip), { numRuns: 300, seed: 1 });
  // Content may only be the same where a header writes its own checksum in another way.
  assert.ok(accepted < 5, `${accepted} flips were accepted`);
});

test("a flipped byte is named with the entry, the expected and the actual digest", async () => {
  const path = join(folder, "digest.bank");
  await writeBank(path, sampleDraft());
  const bytes = await readFile(path);
  const rows = bytes.indexOf(Buffer.from(sampleDraft().rows.buffer));
  bytes[rows] = 1;
  await writeFile(path, bytes);
  await assert.rejects(
    readBank(path),
    isInputError("bank-damaged", /SHA-256 [0-9a-f]{64} for rows\.f32 of .*received [0-9a-f]{64}/),
  );
});

test("a bank that is cut off anywhere is refused", async () => {
  const path = join(folder, "whole.bank");
  await writeBank(path, sampleDraft());
  const bytes = await readFile(path);
  const cut = join(folder, "cut.bank");
  const lengths = fc.integer({ min: 1, max: bytes.length - 1 });
  await fc.assert(
    fc.asyncProperty(lengths, async (length) => {
      await writeFile(cut, bytes.subarray(0, length));
      await assert.rejects(readBank(cut), InputError);
    }),
    { numRuns: 100, seed: 1 },
  );
});

test("bytes behind the end are refused", async () => {
  const path = join(folder, "longer.bank");
  await writeBank(path, sampleDraft());
  const bytes = await readFile(path);
  await writeFile(path, Buffer.concat([bytes, Buffer.from("more")]));
  await assert.rejects(readBank(path), isInputError("bank-damaged", /end of the file/));
});

test("what is no bank at all is called by its name", async () => {
  await assert.rejects(readBank(join(folder, "none.bank")), isInputError("bank-missing", /no such file/));
  await assert.rejects(readBank(folder), isInputError("bank-unreadable", /EISDIR/));
  const path = join(folder, "foreign.bank");
  await writeFile(path, "");
  await assert.rejects(readBank(path), isInputError("bank-format", /file of 0 bytes/));
  await writeFile(path, Buffer.alloc(5000, "picture"));
  await assert.rejects(readBank(path), isInputError("bank-format", /no tar file/));
  await tarOf(path, [["readme.txt", "hello"]]);
  await assert.rejects(readBank(path), isInputError("bank-format", /begins with "readme\.txt"/));
});

test("a bank of a later format version is refused as such, not as damaged", async () => {
  const path = join(folder, "later.bank");
  await writeBank(path, sampleDraft());
  const { manifest } = await readBankManifest(path);
  await rewriteManifest(path, JSON.stringify({ ...manifest, formatVersion: 2, another: true }));
  await assert.rejects(readBank(path), isInputError("bank-version", /version 1 .* received 2/));
});

/** Puts another manifest, with a digest that holds, in front of no arrays. */
async function rewriteManifest(path: string, json: string): Promise<void> {
  const { createHash } = await import("node:crypto");
  const digest = createHash("sha256").update(json).digest("hex");
  await tarOf(path, [
    ["manifest.json", json],
    ["manifest.sha256", `${digest}  manifest.json\n`],
  ]);
}

test("a manifest that promises an array of 2 GiB in a small file is refused without room being made for it", async () => {
  const path = join(folder, "promise.bank");
  await writeBank(path, sampleDraft());
  const { manifest } = await readBankManifest(path);
  const rows = 2 ** 20;
  const dims = 512;
  const file = (bytes: number): { bytes: number; sha256: string } => ({ bytes, sha256: "00".repeat(32) });
  const files = {
    "rows.f32": file(rows * dims * 4),
    "rows.i8": file(rows * dims),
    "mean.f32": file(dims * 4),
    "row-image.i32": file(rows * 4),
  };
  const nominal = { ...manifest.nominal, images: 2 ** 18, patches: 2 ** 20 };
  const calibration = { ...manifest.calibration, method: "manual", scores: [], mapMaxima: [] };
  await rewriteManifest(path, JSON.stringify({ ...manifest, rows, dims, nominal, calibration, files }));
  const before = process.memoryUsage().arrayBuffers;
  await assert.rejects(readBank(path), isInputError("bank-damaged", /rows\.f32/));
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 28);
});

test("an entry that is too long, missing, extra or out of order is refused by name", async () => {
  const path = join(folder, "order.bank");
  await writeBank(path, sampleDraft());
  const unpacked = join(folder, "order");
  await mkdir(unpacked);
  execFileSync("tar", ["-xf", path, "-C", unpacked]);
  const content = async (name: string): Promise<[string, Uint8Array]> => [name, await readFile(join(unpacked, name))];
  const names = ["manifest.json", "manifest.sha256", "rows.f32", "rows.i8", "mean.f32", "row-image.i32"];
  const whole = await Promise.all(names.map(content));
  await tarOf(path, whole);
  assert.equal((await readBank(path)).manifest.name, "washer");

  await tarOf(path, whole.toSpliced(3, 1));
  await assert.rejects(readBank(path), isInputError("bank-damaged", /rows\.i8 .* "mean\.f32"/));
  await tarOf(path, [...whole, ["../../etc/passwd", "x"]]);
  await assert.rejects(readBank(path), isInputError("bank-damaged", /end of the file/));
  await tarOf(path, whole.toSpliced(2, 2, ...whole.slice(2, 4).toReversed()));
  await assert.rejects(readBank(path), isInputError("bank-damaged", /rows\.f32 .* "rows\.i8"/));
  await tarOf(path, whole.toSpliced(4, 1, ["mean.f32", new Uint8Array(12)]));
  await assert.rejects(readBank(path), isInputError("bank-damaged", /8 bytes for mean\.f32 .* 12 bytes/));
  await tarOf(path, whole.toSpliced(0, 1, ["manifest.json", new Uint8Array(5 * 1024 * 1024)]));
  await assert.rejects(readBank(path), isInputError("bank-damaged", /manifest\.json/));
});

test("a bank with a value that is not a number is refused", async () => {
  const path = join(folder, "nan.bank");
  await writeBank(path, { ...sampleDraft(), rows: Float32Array.of(1, Number.NaN, 3, 4, 5, 6) });
  await assert.rejects(readBank(path), isInputError("bank-damaged", /rows\.f32/));
});

test("a stopped or failed writing leaves the old bank and nothing else", async () => {
  const own = await mkdtemp(join(folder, "stop-"));
  const path = join(own, "washer.bank");
  await writeBank(path, sampleDraft());
  const old = await readFile(path);
  const reason = new Error("stopped by hand");
  const later = sampleDraft({ createdAt: "2026-01-31T12:00:00.000Z" });
  await assert.rejects(writeBank(path, later, AbortSignal.abort(reason)), reason);
  assert.deepEqual(await readdir(own), ["washer.bank"]);
  assert.deepEqual(await readFile(path), old);
  await assert.rejects(writeBank(join(own, "none", "washer.bank"), sampleDraft()), { code: "bank-write" });
});

test("a draft whose arrays do not fit its manifest is our own mistake and reaches no disk", async () => {
  const path = join(folder, "misfit.bank");
  const draft = { ...sampleDraft(), mean: Float32Array.of(1, 2, 3) };
  await assert.rejects(writeBank(path, draft), { code: "bank-draft", faultClass: "bug" });
  assert.ok(!(await readdir(folder)).includes("misfit.bank"));
});
