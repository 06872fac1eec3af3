import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Sqlite from "better-sqlite3";
import type { PlcResult } from "../../src/mqtt/payloads.ts";
import { parseResult } from "../../src/mqtt/payloads.ts";
import type { NominaldProcess } from "./daemon-process.ts";
import type { Mosquitto } from "./mosquitto.ts";
import { Plc } from "./plc.ts";
import type { TestLine } from "./test-line.ts";
import { until } from "./until.ts";

export const FAULTS = [
  "broker killed",
  "daemon killed",
  "inference killed",
  "camera killed",
  "camera stopped",
] as const;
export type FaultKind = (typeof FAULTS)[number];

export interface VerdictRunOptions {
  readonly line: TestLine;
  readonly broker: Mosquitto;
  /** At least; it goes on until the last fault is over, and a second longer. */
  readonly triggers: number;
  readonly perSecond: number;
  /** The PLC sends no parts to a station that is not ready, as its duties are; else only to one that is away. */
  readonly waitsForReady: boolean;
  /** How often each happens, spread over the run at random moments. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly random: () => number;
  /** Ends the run early: no more faults, and what has happened so far is looked at. */
  readonly signal?: AbortSignal;
  readonly say?: (line: string) => void;
}

export interface VerdictRun {
  readonly plc: Plc;
  /** How often each happened. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  /** Results as the database has them, by seq; null: none yet. */
  readonly stored: ReadonlyMap<number, PlcResult | null>;
  /** Results that wait in the outbox. */
  readonly waiting: number;
  /** Largest 99th percentile of the event loop's delay in any minute, ms. */
  readonly loopP99Ms: number;
}

/** No washer: whatever is scored FAILs, so a PASS would be one that nobody earned. */
const CAMERA = { source: "test", pattern: "ball", width: 64, height: 64, framerate: 60, slots: 64 };
const STATE_FOLDER = "verdicts";
/** From the last trigger until the PLC must know of every one how it ended. */
const SETTLE_MS = 120_000;
/** The broker is away this long. */
const OUTAGE_MS = 300;
/** Within it a child that is stopped has been given a frame. */
const HANDED_OVER_MS = 500;

/** A PLC triggers at a steady rate while the broker, the daemon and its children are killed under it. */
export class VerdictRunner {
  readonly #options: VerdictRunOptions;
  readonly #plc: Plc;
  #daemon: NominaldProcess | undefined;
  readonly #broken = new Map<FaultKind, number>();

  constructor(options: VerdictRunOptions) {
    this.#options = options;
    this.#plc = new Plc(options.broker.url, `run${Math.floor(options.random() * 10_000)}`);
  }

  async run(): Promise<VerdictRun> {
    const { triggers, perSecond, signal } = this.#options;
    await this.#start();
    await until("the station to be ready", () => this.#plc.online && this.#plc.plcState === "3");
    let over = false;
    const breaking = this.#breakAll().finally(() => (over = true));
    // It is awaited below; until then a failure of it is no unheard one.
    breaking.catch(() => undefined);
    const ended = (): boolean => over && (this.#plc.sent.length >= triggers || signal?.aborted === true);
    while (!ended()) await this.#triggerNext();
    await breaking;
    for (let i = 0; i < perSecond; i++) await this.#triggerNext();
    await until("every trigger's end", () => this.#plc.open.length === 0, SETTLE_MS);
    const faults = Object.fromEntries(this.#broken);
    return { plc: this.#plc, faults, ...this.#database(), loopP99Ms: this.#loopP99Ms() };
  }

  async dispose(): Promise<void> {
    this.#plc.close();
    await this.#daemon?.dispose();
  }

  async #triggerNext(): Promise<void> {
    const { waitsForReady, perSecond } = this.#options;
    const mayTrigger = (): boolean => {
      const { online, plcState } = this.#plc;
      return online && (!waitsForReady || plcState === "3" || plcState === "4");
    };
    await until("the station on the broker", mayTrigger);
    this.#plc.trigger();
    await sleep(1_000 / perSecond);
  }

  async #start(): Promise<void> {
    const { line, broker } = this.#options;
    this.#daemon = await line.run({
      broker: broker.url,
      camera: CAMERA,
      station: { mode: "triggered", pictures: { mask: false, overlay: false } },
      device: { stateFolder: join(line.folder, STATE_FOLDER) },
    });
  }

  /** One fault after the other, in an order that is drawn, spread over the triggers. */
  async #breakAll(): Promise<void> {
    const { faults, triggers, random, signal, say } = this.#options;
    const drawn = FAULTS.flatMap((kind) => new Array<FaultKind>(faults[kind] ?? 0).fill(kind))
      .map((kind) => ({ kind, order: random() }))
      .sort((a, b) => a.order - b.order);
    for (const [i, { kind }] of drawn.entries()) {
      const at = ((i + random()) * triggers) / drawn.length;
      while (this.#plc.sent.length < at && signal?.aborted !== true) await sleep(10);
      if (signal?.aborted === true) return;
      await this.#break(kind);
      this.#broken.set(kind, (this.#broken.get(kind) ?? 0) + 1);
      say?.(`${i + 1} of ${drawn.length}: ${kind}; ${this.#plc.sent.length} triggers, ${this.#plc.open.length} open`);
    }
  }

  async #break(kind: FaultKind): Promise<void> {
    const { broker } = this.#options;
    switch (kind) {
      case "broker killed":
        await broker.kill();
        await sleep(OUTAGE_MS);
        await broker.start();
        return;
      case "daemon killed":
        this.#daemon?.kill("SIGKILL");
        await this.#daemon?.finished;
        await this.#start();
        return;
      case "inference killed":
        await this.#signal("inference.child", "SIGSTOP", "SIGKILL");
        return;
      case "camera killed":
        await this.#signal("capture.child", "SIGKILL");
        return;
      case "camera stopped":
        await this.#signal("capture.child", "SIGSTOP");
        return;
      default:
        kind satisfies never;
    }
  }

  /**
   * Sends a child the signals, and waits until another one has taken its place.
   *
   * @param signals between two of them parts come in, so that the child has one in its hands when the second comes
   */
  async #signal(entry: string, ...signals: readonly NodeJS.Signals[]): Promise<void> {
    const children = async (): Promise<number[]> => (await this.#daemon?.children(entry)) ?? [];
    await until(`a ${entry}`, async () => (await children()).length === 1);
    const [pid] = await children();
    assert.ok(pid !== undefined);
    for (const [i, signal] of signals.entries()) {
      if (i > 0) await sleep(HANDED_OVER_MS);
      process.kill(pid, signal);
    }
    await until(`another ${entry}`, async () => (await children()).some((other) => other !== pid));
    await until("the station to be ready again", () => !["2", "8"].includes(this.#plc.plcState) && this.#plc.online);
  }

  #database(): Pick<VerdictRun, "stored" | "waiting"> {
    const file = join(this.#options.line.folder, STATE_FOLDER, "outbox.sqlite");
    const database = new Sqlite(file, { readonly: true });
    try {
      const rows = database.prepare("SELECT seq, result FROM part WHERE session = ?").all(this.#plc.session);
      const { n } = database.prepare("SELECT count(*) AS n FROM outbox WHERE kind = 'result'").get() as { n: number };
      const stored = (rows as { seq: number; result: string | null }[]).map(
        ({ seq, result }) => [seq, result === null ? null : parseResult(result)] as const,
      );
      return { stored: new Map(stored), waiting: n };
    } finally {
      database.close();
    }
  }

  #loopP99Ms(): number {
    return Math.max(...this.#plc.states.map(({ eventLoop }) => eventLoop.p99Ms));
  }
}

/**
 * What must hold after any such run: the PLC knows one outcome of each accepted trigger, copies are equal but for their
 * flag, firsts come in order, the database says the same, and nothing passed.
 */
export function checkVerdicts({ plc, stored }: VerdictRun): void {
  const firsts = new Map<number, PlcResult>();
  for (const result of plc.results) {
    const first = firsts.get(result.seq);
    if (first === undefined) firsts.set(result.seq, result);
    else {
      assert.ok((result.flags & 0x01) !== 0, `a second outcome of ${result.seq} without flag 01`);
      assert.deepEqual(bare(result), bare(first), `a copy of ${result.seq} differs`);
    }
    assert.notEqual(result.verdict, "PASS", `${result.seq}`);
    assert.equal((result.flags & 0x02) !== 0, result.code === "0502", `${result.seq}`);
  }
  for (const { seq, code } of plc.sent) {
    // 0601: it never arrived, and by the time it was sent again its turn was over.
    if (code === "0601") assert.ok(!firsts.has(seq), `${seq} was refused and has an outcome`);
    else assert.ok(firsts.has(seq), `${seq} was accepted (${code}) and has no outcome`);
  }
  const originals = plc.results.filter(({ flags }) => (flags & 0x01) === 0).map(({ seq }) => seq);
  assert.deepEqual(
    originals,
    [...originals].sort((a, b) => a - b),
    "firsts in order of seq",
  );
  for (const [seq, result] of stored) {
    assert.ok(result !== null, `${seq} has no outcome in the database`);
    const first = firsts.get(seq);
    assert.ok(first !== undefined, `${seq} has an outcome that nobody heard`);
    assert.deepEqual(bare(result), bare(first), `${seq} differs between database and PLC`);
  }
}

function bare(result: PlcResult): PlcResult {
  return { ...result, flags: result.flags & ~0x01 };
}

/** @returns how often each code occurred, 0000 being a verdict */
export function codesOf({ plc }: VerdictRun): Readonly<Record<string, number>> {
  const codes: Record<string, number> = {};
  for (const { code, result } of plc.sent) {
    const key = result?.code ?? `refused ${code}`;
    codes[key] = (codes[key] ?? 0) + 1;
  }
  return codes;
}
