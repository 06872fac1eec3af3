import type { Clock } from "../shared/clock.ts";
import { DeviceError, NominalError, reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { RestartDecision, RestartPolicy } from "./restart-policy.ts";

/** Something that lives in a process of its own and can be lost at any moment. */
export interface Closable {
  close(): Promise<void>;
}

/** The instance is not lost: another one takes its place on purpose. */
class Renewal extends DeviceError {}

export interface SupervisorOptions<T extends Closable> {
  /** For the log: `capture of line1/st1`. */
  readonly name: string;
  readonly policy: RestartPolicy;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Makes and starts one; calls `lost` at most once if it dies after that. Rejects when it does not come up, and
   * soon after `signal` aborts. What it made and could not start it closes itself.
   */
  readonly open: (lost: (error: Error) => void, signal: AbortSignal) => Promise<T>;
  readonly onUp: (instance: T) => void;
  /** It is gone, or did not come up; another try follows after `decision.delayMs`. */
  readonly onDown: (error: Error, decision: RestartDecision) => void;
  /** At each loss past the restart budget, in words; null: it has lived for the policy's window. */
  readonly onUnsteady?: (found: string | null) => void;
  /** Tried before the wait, once the budget is spent; soon over after `signal` aborts, and never rejects. */
  readonly mend?: (signal: AbortSignal) => Promise<void>;
}

/**
 * Keeps one instance alive: opens it, and opens it again with back-off after each loss, until closed. There is never
 * more than one: the next is opened only after the last has been closed.
 */
export class Supervisor<T extends Closable> {
  readonly #options: SupervisorOptions<T>;
  #current: T | undefined;
  #running: Promise<void> | undefined;
  readonly #closing = new AbortController();
  #restarts = 0;
  /** Ends the living instance, or the wait for the next one. */
  #end: (why: Error) => void = () => undefined;

  constructor(options: SupervisorOptions<T>) {
    this.#options = options;
  }

  /** The living instance, if there is one. */
  get current(): T | undefined {
    return this.#current;
  }

  /** Openings after the first. */
  get restarts(): number {
    return this.#restarts;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /**
   * Another instance takes the place of this one, with what `open` says by then. It costs nothing of the restart budget,
   * and a wait for the next try ends at once.
   */
  renew(code: string, why: string): void {
    this.#end(new Renewal(code, why));
  }

  /** Closes the instance and waits until nothing of it is left. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const error = await this.#liveOnce(signal);
      if (signal.aborted) return;
      const decision = this.#decide(error);
      this.#options.onDown(error, decision);
      if (decision.exhausted) this.#options.onUnsteady?.(unsteadyWords(decision, error));
      await this.#pause(decision, error instanceof Renewal, signal);
      if (!signal.aborted) this.#restarts += 1;
    }
  }

  #decide(error: Error): RestartDecision {
    const { policy, clock, logger, name } = this.#options;
    if (error instanceof Renewal) {
      logger.info({ code: error.code }, `${name} is started anew: ${error.message}`);
      return policy.renewed();
    }
    const decision = policy.lost(clock.monotonicMs());
    const again = decision.exhausted ? "restart budget spent, slow retries" : "restarting";
    const code = error instanceof NominalError ? error.code : undefined;
    logger.warn(
      { code, losses: decision.losses, delayMs: decision.delayMs },
      `${name} lost, ${again}: ${error.message}`,
    );
    return decision;
  }

  /** A renewal cuts a long wait short; not the wait that the renewed thing itself needs. */
  async #pause({ delayMs, exhausted }: RestartDecision, isRenewal: boolean, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = (): void => woken.abort();
    if (!isRenewal) this.#end = wake;
    signal.addEventListener("abort", wake);
    if (exhausted) await this.#options.mend?.(woken.signal);
    await sleep(delayMs, woken.signal);
    signal.removeEventListener("abort", wake);
    this.#end = () => undefined;
  }

  /** @returns why the instance ended; also after `close()` */
  async #liveOnce(signal: AbortSignal): Promise<Error> {
    let lost: (error: Error) => void = () => undefined;
    const gone = new Promise<Error>((resolve) => {
      lost = resolve;
      this.#end = resolve;
    });
    const closed = (): void => lost(new Error("closed"));
    signal.addEventListener("abort", closed);
    let instance: T | undefined;
    let steady: NodeJS.Timeout | undefined;
    try {
      instance = await this.#options.open(lost, signal);
      if (signal.aborted) return new Error("closed");
      this.#current = instance;
      this.#options.onUp(instance);
      steady = setTimeout(() => this.#options.onUnsteady?.(null), this.#options.policy.windowMs);
      steady.unref();
      return await gone;
    } catch (error) {
      return error instanceof Error ? error : new Error(reasonOf(error));
    } finally {
      // A camera that is away for months has many lives: none may leave anything behind.
      signal.removeEventListener("abort", closed);
      this.#current = undefined;
      clearTimeout(steady);
      await instance?.close();
    }
  }
}

function unsteadyWords({ delayMs }: RestartDecision, error: Error): string {
  return `tried again each ${Math.round(delayMs / 1_000)} s; last loss: ${error.message}`;
}

/** Resolves after `ms`, or at once when `signal` aborts. */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal.aborted) end();
    else signal.addEventListener("abort", end);
  });
}
