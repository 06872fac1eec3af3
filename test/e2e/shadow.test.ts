import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { link, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import type { ShadowFlipDocument } from "../../src/daemon/shadow-run.ts";
import type { ShadowFigures } from "../../src/daemon/shadow-statistics.ts";
import type { InspectionRecord } from "../../src/mqtt/record.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { nominald, type NominaldProcess } from "../support/daemon-process.ts";
import { LineClient } from "../support/line-client.ts";
import { bankState, PushRig } from "../support/push-rig.ts";

/** Of the line, over and over. */
const PICTURES = 10;
/** For five minutes. */
const PARTS = 900;
const PARTS_BEFORE = 2 * PICTURES;
const PARTS_IN_SHADOW = 12;

let rig: PushRig;
/** Fitted on noise: every part of the line is a FAIL to it. */
let noise: string;
/** Looks at a part of the frame that the line's camera does not show. */
let outside: string;

before(async () => {
  rig = await PushRig.prepare();
  noise = await noiseBank("noise", 480);
  outside = await noiseBank("outside", 640, ["--region", "500,500,64,64"]);
  await mkdir(parts());
  for (let part = 0; part < PARTS; part++) {
    const name = (number: number): string => `${String(number).padStart(3, "0")}.png`;
    await link(join(rig.line.folder, "nominal", name(1 + (part % PICTURES))), join(parts(), name(part + 1)));
  }
});
after(async () => {
  await rig.dispose();
});

async function noiseBank(name: string, size: number, more: readonly string[] = []): Promise<string> {
  const images = join(rig.folder, name);
  await mkdir(images);
  const random = seededRandom(size);
  for (let at = 0; at < 8; at++) {
    const pixels = Buffer.from(Array.from({ length: size * size * 3 }, () => random.uint32() % 256));
    await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toFile(join(images, `${at}.png`));
  }
  const bank = join(rig.folder, `${name}.bank`);
  const work = ["--size", "64", "--ratio", "0.2", "--false-reject-rate", "0.1", ...more];
  const { code, stderr } = await nominald(["fit", "--images", images, "--out", bank, "--name", name, ...work]);
  assert.equal(code, 0, stderr);
  return bank;
}

function parts(): string {
  return join(rig.line.folder, "parts");
}

/** Every picture is a part, three a second. */
async function start(): Promise<NominaldProcess> {
  const daemon = await rig.line.run({
    broker: rig.broker.url,
    camera: { source: "folder", path: parts(), loop: false, paced: true, framerate: 3 },
    station: { mode: "camera", pictures: { mask: true, overlay: false } },
    device: { delivery: { minFreeMebibytes: 0, probationParts: 5, maxFailRise: 1, maxLatencyRatio: 100 } },
  });
  await daemon.logged("the bank at work", ({ msg }) => msg === "memory bank is active");
  return daemon;
}

/** What a part comes to, without its times. */
function essence({
  seq,
  verdict,
  score,
  threshold,
  bank,
  code,
  flags,
  lateScore,
  captureSeq,
}: InspectionRecord): object {
  return {
    picture: seq % PICTURES,
    ahead: (captureSeq ?? 0) - seq,
    verdict,
    score,
    threshold,
    bank,
    code,
    flags,
    lateScore,
  };
}

/** Of a part whose mask was drawn; two may wait, and on a busy machine a third pushes the oldest out. */
function maskOf({ seq, images }: InspectionRecord): [number, string] | null {
  return images.mask === null ? null : [seq % PICTURES, images.mask.sha256];
}

function figures(client: LineClient): ShadowFigures {
  const shadow = bankState(client)?.delivery?.shadow;
  assert.ok(shadow, "Expected a candidate in shadow");
  return shadow.figures;
}

function checkFlips(client: LineClient): ShadowFlipDocument[] {
  const messages = client.messages.filter(({ topic }) => topic === "bank/flip");
  assert.ok(messages.length > 0);
  assert.ok(messages.every(({ qos, retain }) => qos === 0 && !retain));
  return messages.map(({ payload }) => JSON.parse(payload.toString()) as ShadowFlipDocument);
}

test("a candidate that flips every part changes no verdict, score, sequence or picture; it outlives daemon and process, and is withdrawn", async (t) => {
  const client = await LineClient.connect(rig.broker.url);
  let daemon = await start();
  try {
    await client.until("verdicts without a candidate", () => client.records().length >= PARTS_BEFORE);
    const pushed = await rig.push(noise, "--shadow", String(PARTS_IN_SHADOW));
    assert.equal(pushed.code, 0, pushed.stderr + daemon.stderr);
    assert.match(pushed.stdout, /noise-[0-9a-f]{8} {2}shadow \d+ %/);
    assert.match(pushed.stdout, /it stays in shadow until --promote or --withdraw/);
    await client.caughtUp();
    const shadow = figures(client);
    t.diagnostic(`${pushed.stdout.split("\n").slice(-5).join(" | ")} longest ${shadow.longestMs?.toFixed(1)} ms`);
    assert.ok(shadow.scored >= PARTS_IN_SHADOW);
    assert.deepEqual([shadow.passToFail, shadow.failToPass, shadow.failed], [shadow.scored, 0, 0]);
    assert.ok(shadow.medianRatio !== null && shadow.medianRatio.candidate > 1 && shadow.medianRatio.active <= 1);
    assert.equal(bankState(client)?.delivery?.shadow?.awaits, "decision");
    // It goes on.
    await client.until("more parts", () => figures(client).scored > shadow.scored);
    assert.deepEqual(bankState(client)?.active, { bankId: null, source: "configuration" });

    const records = client.records();
    assert.deepEqual(
      records.map(({ seq }) => seq),
      records.map((_, at) => at + 1),
    );
    const results = client.results().map(({ seq }) => seq);
    assert.deepEqual(
      results,
      results.map((_, at) => at + 1),
    );
    const before = new Map(records.slice(0, PICTURES).map((record) => [record.seq % PICTURES, essence(record)]));
    assert.equal(before.size, PICTURES);
    for (const record of records) {
      assert.deepEqual(essence(record), before.get(record.seq % PICTURES), `part ${record.seq}`);
      assert.equal(record.verdict, "PASS");
      assert.ok(record.stages !== null && record.times.scoreEnd !== null && record.times.publish !== null);
    }
    const drawn = records.flatMap((record) => {
      const mask = maskOf(record);
      return mask === null ? [] : [mask];
    });
    const first = new Map([...drawn].reverse());
    assert.ok(drawn.every(([picture, sha256]) => first.get(picture) === sha256));
    assert.ok(drawn.length > PICTURES, `${drawn.length} masks of ${records.length} parts`);
    assert.equal(client.states().at(-1)?.counters.deadlineMisses, 0);

    const flips = checkFlips(client);
    const [flip] = flips;
    assert.ok(flip !== undefined && flip.thumbnail !== null);
    assert.match(`${flip.activeBankId} ${flip.candidateBankId}`, /^washer-[0-9a-f]{8} noise-[0-9a-f]{8}$/);
    const part = records.find(({ seq }) => seq === flip.seq);
    assert.deepEqual([flip.active.score, flip.active.threshold], [part?.score, part?.threshold]);
    assert.deepEqual([flip.active.verdict, flip.candidate.verdict], ["PASS", "FAIL"]);
    const picture = Buffer.from(flip.thumbnail.base64, "base64");
    assert.equal(createHash("sha256").update(picture).digest("hex"), flip.thumbnail.sha256);
    const { format, width, height } = await sharp(picture).metadata();
    assert.deepEqual([format, width, height], ["jpeg", 160, 160]);

    await daemon.dispose();
    daemon = await start();
    const since = Date.now();
    const fresh = (): boolean => new Date(bankState(client)?.at ?? 0).getTime() > since;
    await client.until("the candidate in shadow again", () => fresh() && figures(client).scored > 0);
    const [pid = 0] = await daemon.children("inference.child");
    process.kill(pid, "SIGKILL");
    await daemon.logged("its loss", ({ msg }) => msg.includes("inference"));
    const counted = figures(client).scored;
    await client.until("parts in the next process", () => figures(client).scored > counted + 1);
    const withdrawn = await rig.push("--withdraw");
    assert.equal(withdrawn.code, 0, withdrawn.stderr);
    await client.caughtUp();
    assert.equal(bankState(client)?.delivery?.stage, "withdrawn");
    assert.ok(client.records().every(({ bank, verdict }) => verdict === "NO_VERDICT" || /^washer-/.test(bank ?? "")));
  } finally {
    await daemon.dispose();
    await client.close();
  }
});

test("a candidate that cannot score the line's frames is given up, with the reason, and the active bank goes on", async () => {
  const client = await LineClient.connect(rig.broker.url);
  const daemon = await start();
  try {
    await client.until("verdicts", () => client.records().length >= 3);
    const { code, stderr } = await rig.push(outside, "--shadow", "1000");
    assert.equal(code, 4, stderr + daemon.stderr);
    assert.match(stderr, /shadow-scoring: .*3 in a row failed, with region-outside/);
    await client.caughtUp();
    const { stage, reason, shadow } = bankState(client)?.delivery ?? {};
    assert.deepEqual([stage, reason?.code, shadow?.figures.failed], ["failed", "shadow-scoring", 3]);
    const { length } = client.records();
    await client.until("further verdicts", () => client.records().length > length + 3);
    assert.ok(client.records().every(({ verdict, bank }) => verdict === "PASS" && /^washer-/.test(bank ?? "")));
  } finally {
    await daemon.dispose();
    await client.close();
  }
});

test("a candidate that is promoted goes to work on probation, without being sent again", async () => {
  const client = await LineClient.connect(rig.broker.url);
  const daemon = await start();
  try {
    const none = await rig.push("--promote");
    assert.equal(none.code, 4, none.stderr);
    assert.match(none.stderr, /no-shadow/);
    assert.equal((await rig.push(noise, "--shadow", "3")).code, 0);
    const promoted = await rig.push("--promote");
    assert.equal(promoted.code, 0, promoted.stderr + daemon.stderr);
    assert.match(promoted.stdout, /noise-[0-9a-f]{8} {2}committed/);
    assert.doesNotMatch(promoted.stdout, /receiving/);
    await client.until("its verdicts", () => /^noise-/.test(client.records().at(-1)?.bank ?? ""));
    assert.equal(client.records().at(-1)?.verdict, "FAIL");
  } finally {
    await daemon.dispose();
    await client.close();
  }
});
