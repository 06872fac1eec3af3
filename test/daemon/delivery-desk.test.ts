import assert from "node:assert/strict";
import { test } from "node:test";
import { offerName, type BankDirective, type BankOffer } from "../../src/bank/offer.ts";
import type { SignedDocument } from "../../src/bank/signed-document.ts";
import { DeliveryDesk } from "../../src/daemon/delivery-desk.ts";
import type { DeliveryProgress, DeliveryStage } from "../../src/daemon/delivery-state.ts";
import { DeviceError, InputError } from "../../src/shared/errors.ts";
import { silentLogger } from "../../src/shared/logger.ts";

const DIGEST = "ab".repeat(32);
const FILE = { kind: "bank", bytes: 10, sha256: DIGEST, tableSha256: DIGEST, url: null } as const;

function offerOf(bankId: string, bytes = 10): BankOffer {
  const files = [{ ...FILE, bytes }];
  return { action: "offer", bankId, backboneSha256: DIGEST, blockBytes: 65_536, files, shadow: null };
}

function envelopeOf(body: BankDirective, counter = 1): Uint8Array {
  return Buffer.from(JSON.stringify({ counter, body }));
}

interface Standing {
  readonly stage: DeliveryStage | null;
  readonly isStalled?: boolean;
}

/** A desk before a delivery of bank `first` that stands somewhere, and all that happens, in its order. */
function deskOf({ stage, isStalled = false }: Standing, failing: { check?: Error; take?: Error; begin?: Error } = {}) {
  const told: string[] = [];
  const bankId = stage === null ? undefined : "first";
  const progress = stage === null ? null : { stage, bankId, offer: "its offer" };
  const failOr = (error: Error | undefined, what: string): void => {
    if (error !== undefined) throw error;
    told.push(what);
  };
  const desk = new DeliveryDesk({
    ...{ station: "line1/st1", target: "test/line1/st1", limits: { maxMebibytes: 1 }, logger: silentLogger },
    gate: {
      open: (bytes) => {
        const { counter, body } = JSON.parse(Buffer.from(bytes).toString()) as { counter: number; body: unknown };
        return { type: "bank-offer", role: "bank", target: "test/line1/st1", keyId: "key", counter, body };
      },
      check: ({ counter }) => {
        if (counter === 0) throw new InputError("counter-replayed", "Expected a counter that has grown");
      },
      take: ({ counter }) => failOr(failing.take, `counter ${counter}`),
    },
    report: {
      progress: progress as DeliveryProgress | null,
      isStalled,
      refuse: (_offer, { code }) => told.push(`refused: ${code}`),
      clearRefused: () => undefined,
    },
    way: {
      isWorking: stage === "receiving" || stage === "gate" || stage === "activating",
      isInShadow: stage === "shadow",
      isOnProbation: stage === "probation",
      check: async () => failOr(failing.check, "checked"),
      stop: async () => void told.push("stopped"),
      begin: (offer: BankOffer, { counter }: SignedDocument) =>
        failOr(failing.begin, `began ${offer.bankId} under ${counter}`),
      withdraw: (bank) => told.push(`withdrew ${bank ?? "any"}`),
      promote: () => told.push("promoted"),
      rollBack: ({ code }) => told.push(`rolled back: ${code}`),
    },
  });
  const goOn = (next: DeliveryStage): void => {
    if (progress !== null) progress.stage = next;
  };
  return { desk, told, goOn };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function outcomeOf(standing: Standing, directive: BankDirective): Promise<readonly string[]> {
  const { desk, told } = deskOf(standing);
  desk.receive(envelopeOf(directive));
  await settled();
  return told;
}

const begun = (bank: string): string[] => ["checked", "counter 1", "stopped", `began ${bank} under 1`];
const BUSY = ["refused: bank-busy"];

test("an offer is begun when nothing is in its way, or it goes on with the same bank, or takes the place of a stalled one", async () => {
  const first = offerOf("first");
  const second = offerOf("second");
  for (const [standing, offer, expected] of [
    [{ stage: null }, first, begun("first")],
    [{ stage: "committed" }, second, begun("second")],
    [{ stage: "receiving" }, first, begun("first")],
    [{ stage: "receiving" }, second, BUSY],
    [{ stage: "receiving", isStalled: true }, second, begun("second")],
    [{ stage: "gate" }, first, BUSY],
    [{ stage: "gate", isStalled: true }, second, BUSY],
    [{ stage: "shadow" }, first, begun("first")],
    [{ stage: "shadow" }, second, BUSY],
    [{ stage: "activating" }, first, BUSY],
    [{ stage: "probation" }, first, BUSY],
    [{ stage: "probation" }, second, BUSY],
  ] as const) {
    assert.deepEqual(await outcomeOf(standing, offer), expected, `${offer.bankId} while ${JSON.stringify(standing)}`);
  }
});

test("a promotion needs the bank that it names in shadow, or any that is, when it names none", async () => {
  const promoted = ["counter 1", "promoted"];
  for (const [stage, bankId, expected] of [
    ["shadow", "first", promoted],
    ["shadow", null, promoted],
    ["shadow", "second", ["refused: no-shadow"]],
    ["probation", "first", ["refused: no-shadow"]],
    [null, null, ["refused: no-shadow"]],
  ] as const) {
    assert.deepEqual(await outcomeOf({ stage }, { action: "promote", bankId }), expected, `${bankId} while ${stage}`);
  }
});

test("a roll back is refused while another bank is on its way, and not while one is on probation; a withdrawal never is", async () => {
  const rolledBack = ["counter 1", "rolled back: asked-for"];
  for (const [stage, expected] of [
    [null, rolledBack],
    ["probation", rolledBack],
    ["committed", rolledBack],
    ["receiving", BUSY],
    ["gate", BUSY],
    ["shadow", BUSY],
  ] as const) {
    assert.deepEqual(await outcomeOf({ stage }, { action: "rollback" }), expected, `while ${stage}`);
    const withdrawn = await outcomeOf({ stage }, { action: "withdraw", bankId: null });
    assert.deepEqual(withdrawn, ["counter 1", "withdrew any"], `while ${stage}`);
  }
});

test("what is refused takes no counter, and what fails after its counter was taken is told", async () => {
  for (const [failing, expected] of [
    [{ check: new DeviceError("disk-full", "no room") }, ["refused: disk-full"]],
    [{ take: new InputError("counter-replayed", "meanwhile") }, ["checked", "refused: counter-replayed"]],
    [{ begin: new Error("EROFS") }, ["checked", "counter 1", "stopped", "refused: delivery"]],
  ] as const) {
    const { desk, told } = deskOf({ stage: null }, failing);
    desk.receive(envelopeOf(offerOf("first")));
    await settled();
    assert.deepEqual(told, expected);
  }
  const { desk, told } = deskOf({ stage: null });
  desk.receive(envelopeOf({ action: "rollback" }, 0));
  desk.receive(envelopeOf(offerOf("first", 2 ** 20 + 1)));
  desk.receive(envelopeOf({ action: "dance" } as unknown as BankDirective));
  desk.receive(Buffer.from("no JSON"));
  const codes = ["counter-replayed", "offer-size", "offer-form", "delivery"];
  assert.deepEqual(
    told,
    codes.map((code) => `refused: ${code}`),
  );
});

test("while an offer is looked at its copy changes nothing, and another, a promotion and a roll back have to wait", async () => {
  const { desk, told } = deskOf({ stage: "shadow" });
  const envelope = envelopeOf(offerOf("first"));
  desk.receive(envelope);
  told.length = 0;
  desk.receive(envelope);
  assert.deepEqual(told, []);
  const others: BankDirective[] = [offerOf("first"), { action: "promote", bankId: "first" }, { action: "rollback" }];
  for (const [at, directive] of others.entries()) desk.receive(envelopeOf(directive, 2 + at));
  assert.deepEqual(told, [...BUSY, ...BUSY, ...BUSY]);
  await settled();
  assert.deepEqual(told.slice(3), ["counter 1", "stopped", "began first under 1"]);
  desk.receive(envelopeOf({ action: "promote", bankId: null }, 5));
  assert.deepEqual(told.slice(6), ["counter 5", "promoted"]);
});

test("an offer that is withdrawn while it is looked at is not begun, and another may come at once", async () => {
  const { desk, told } = deskOf({ stage: null });
  desk.receive(envelopeOf(offerOf("first"), 1));
  desk.receive(envelopeOf({ action: "withdraw", bankId: "second" }, 2));
  desk.receive(envelopeOf(offerOf("second"), 3));
  assert.deepEqual(told.splice(0), ["checked", "counter 2", "withdrew second", ...BUSY], "another one was withdrawn");
  desk.receive(envelopeOf({ action: "withdraw", bankId: "first" }, 4));
  desk.receive(envelopeOf(offerOf("second"), 5));
  await settled();
  const begunSecond = ["counter 5", "stopped", "began second under 5"];
  assert.deepEqual(
    told.filter((what) => what !== "refused: withdrawn"),
    ["counter 4", "withdrew first", "checked", ...begunSecond],
  );
  assert.equal(told.length, 7);
});

test("what is under way and comes too far while an offer is looked at does not give way to it", async () => {
  const { desk, told, goOn } = deskOf({ stage: "receiving", isStalled: true });
  desk.receive(envelopeOf(offerOf("second")));
  goOn("gate");
  await settled();
  assert.deepEqual(told, ["checked", ...BUSY]);
});

test("a copy of the offer that is under way changes nothing", async () => {
  const envelope = envelopeOf(offerOf("first"));
  const { desk, told } = deskOf({ stage: "receiving" });
  desk.receive(envelope);
  await settled();
  const before = told.length;
  assert.ok(before > 0, "of another name it is taken in");
  const named = new DeliveryDesk({
    ...{ station: "line1/st1", target: "test/line1/st1", limits: { maxMebibytes: 1 }, logger: silentLogger },
    gate: { open: () => assert.fail("opened"), check: () => undefined, take: () => undefined },
    report: {
      progress: { offer: offerName(envelope) } as DeliveryProgress,
      ...{ isStalled: false, refuse: () => assert.fail("refused"), clearRefused: () => undefined },
    },
    way: null as never,
  });
  named.receive(envelope);
});
