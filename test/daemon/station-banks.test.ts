import assert from "node:assert/strict";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { readSlots } from "../../src/bank/slots.ts";
import { StationBanks } from "../../src/daemon/station-banks.ts";
import type { InferenceClient } from "../../src/inference/inference-client.ts";
import type { BankSummary, LoadBank } from "../../src/inference/protocol.ts";
import { InputError } from "../../src/shared/errors.ts";
import { KeptLog } from "../support/kept-log.ts";

const PUSHED = { file: "0123456789abcdef.bank", bankId: "washer-1a2b3c4d", sha256: "ab".repeat(32) };
const CONFIGURED = "/banks/washer.bank";
const BASE = { station: "line1/st1", bankPath: CONFIGURED } as LoadBank;

/** Banks in a folder, and a process in which those that are named do not load. `disk.isFull`: it takes nothing. */
async function banksOf(t: TestContext, folder?: string) {
  const place = await mkdtemp(join(tmpdir(), "nominald-banks-"));
  t.after(() => rm(place, { recursive: true }));
  const log = new KeptLog();
  const disk = { isFull: false };
  const fallbacks: string[] = [];
  const banks = new StationBanks({
    ...{ folder: folder ?? join(place, "st1"), station: "line1/st1", configured: CONFIGURED, deadlineMs: () => 100 },
    ...{ limits: { maxDrift: 0.05, maxMemoryMebibytes: 512 }, logger: log },
    onWriteStep: () => {
      if (disk.isFull) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    },
    onFallback: (from) => fallbacks.push(from),
  });
  const loads: string[] = [];
  const bad = new Set<string>();
  const client = {
    gone: false,
    loadBank: ({ bankPath }: LoadBank): Promise<BankSummary> => {
      loads.push(bankPath);
      if (bad.has(bankPath)) return Promise.reject(new InputError("gate-refused", "scores drift"));
      return Promise.resolve({ bankId: bankPath } as BankSummary);
    },
  } as unknown as InferenceClient;
  const errors = (): number => log.lines.filter(({ msg }) => msg.startsWith("the disk does not keep")).length;
  return { banks, client, disk, loads, bad, fallbacks, errors };
}

test("a pushed bank that does not pass gives way to the configuration's, and the disk remembers it", async (t) => {
  const { banks, client, loads, bad, fallbacks } = await banksOf(t);
  banks.open();
  banks.change({ ...banks.slots, active: PUSHED });
  const pushed = banks.pathOf(PUSHED);
  bad.add(pushed);
  assert.equal((await banks.load(client, BASE)).bankId, CONFIGURED);
  assert.deepEqual([loads, fallbacks], [[pushed, CONFIGURED], [pushed]]);
  assert.equal(banks.slots.active, null);
  assert.equal(readSlots(banks.folder)?.active, null);
});

test("so it does while the disk is full: the station works, and the disk's refusal is told", async (t) => {
  const { banks, client, disk, bad, errors } = await banksOf(t);
  banks.open();
  banks.change({ ...banks.slots, active: PUSHED });
  bad.add(banks.pathOf(PUSHED));
  disk.isFull = true;
  assert.equal((await banks.load(client, BASE)).bankId, CONFIGURED);
  assert.deepEqual([banks.slots.active, errors()], [null, 1]);
  // Another bank of the configuration counts, too.
  const other = "/banks/other.bank";
  assert.equal((await banks.load(client, { ...BASE, bankPath: other })).bankId, other);
  assert.deepEqual([banks.pathOf(null), banks.slots.configured, errors()], [other, other, 2]);
});

test("a station whose folder cannot be made has the configuration's bank", async (t) => {
  const place = await mkdtemp(join(tmpdir(), "nominald-banks-"));
  t.after(() => rm(place, { recursive: true }));
  const folder = join(place, "st1");
  await symlink(join(place, "nothing", "there"), folder);
  const { banks, client, errors } = await banksOf(t, folder);
  banks.open();
  assert.equal(errors(), 1);
  assert.equal((await banks.load(client, BASE)).bankId, CONFIGURED);
});
