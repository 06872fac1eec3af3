import { BlockFetcher } from "../bank/block-fetcher.ts";
import type { BlockLink } from "../mqtt/bank-link.ts";
import type { Clock } from "../shared/clock.ts";
import { InputError, type NominalError, reasonOf } from "../shared/errors.ts";

export interface LinkListener {
  onBlock(transfer: string, offset: number, content: Uint8Array): void;
  onUp(): void;
  /** Asking again would not help. */
  onProblem(error: NominalError): void;
}

export interface TransferJob {
  readonly link: BlockLink;
  readonly blockBytes: number;
  /** Bytes of all files. */
  readonly total: number;
  readonly signal: AbortSignal;
}

export interface FetchJob extends TransferJob {
  readonly transfer: string;
  readonly blocks: number;
  readonly lengthOf: (block: number) => number;
  readonly has: (block: number) => boolean;
  readonly isComplete: () => boolean;
  readonly put: (block: number, content: Uint8Array) => Promise<void>;
}

export interface FetchLimits {
  readonly bytesPerSecond: number;
  /** Verdicts wait to be sent. */
  readonly isBusy: () => boolean;
  readonly clock: Clock;
}

/** How often it is looked whether something may be asked for, ms; bounds the rate from above too. */
const STEP_MS = 10;

/**
 * Until everything is there. A damaged block is asked for again; who sends none is waited for.
 *
 * @param listen who is told what comes over the job's link; null: nobody any more
 * @throws the signal's reason, the link's lasting problem, the system's error when the disk refuses a block
 */
export async function fetchBlocks(
  job: FetchJob,
  { clock, isBusy, bytesPerSecond }: FetchLimits,
  listen: (listener: LinkListener | null) => void,
): Promise<void> {
  if (job.isComplete()) return;
  const { signal, transfer, link } = job;
  // A signal that was given before tells no listener.
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const fetcher = new BlockFetcher({
      blocks: job.blocks,
      has: job.has,
      request: (block) => link.request({ transfer, offset: block * job.blockBytes, count: job.lengthOf(block) }),
      isBusy: () => !link.up || isBusy(),
      intervalMs: (1_000 * job.blockBytes) / bytesPerSecond,
      clock,
    });
    const timer = setInterval(() => fetcher.step(), STEP_MS);
    const end = (error: unknown): void => {
      clearInterval(timer);
      signal.removeEventListener("abort", aborted);
      listen(null);
      if (error === null) resolve();
      else reject(error instanceof Error ? error : new Error(reasonOf(error)));
    };
    const aborted = (): void => end(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    listen({
      onUp: () => fetcher.forget(),
      onProblem: end,
      onBlock: (name, offset, content) => {
        const block = offset / job.blockBytes;
        if (name !== transfer || !fetcher.received(block)) return;
        job.put(block, content).then(
          () => (job.isComplete() ? end(null) : fetcher.step()),
          (error: unknown) => {
            if (!(error instanceof InputError)) end(error);
          },
        );
      },
    });
  });
}
