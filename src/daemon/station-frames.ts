import type { CaptureClient } from "../capture/capture-client.ts";
import { DeviceError } from "../shared/errors.ts";
import type { FrameReference } from "../shared/image.ts";

/** A frame that somebody besides the station reads. */
export interface BorrowedFrame {
  readonly frame: FrameReference;
  readonly giveBack: () => void;
}

interface HeldFrame {
  readonly frame: FrameReference;
  readonly client: CaptureClient;
  /** Who still reads it. */
  holders: number;
}

/** A snapshot of a station without frames fails after this. */
const BORROW_DEADLINE_MS = 10_000;

/** The frames that lie in slots, each by the daemon's own name; a slot goes back when nobody reads it any more. */
export class StationFrames {
  readonly #frames = new Map<number, HeldFrame>();
  #borrowers: ((borrowed: BorrowedFrame) => void)[] = [];
  #nextId = 1;

  /** @returns its name, never used twice */
  take(frame: FrameReference, client: CaptureClient): number {
    const id = this.#nextId++;
    const held = { frame, client, holders: 1 + this.#borrowers.length };
    this.#frames.set(id, held);
    for (const lend of this.#borrowers.splice(0)) lend({ frame, giveBack: () => this.#giveUp(held) });
    return id;
  }

  /** Frames that are held. */
  get size(): number {
    return this.#frames.size;
  }

  get(id: number): FrameReference | undefined {
    return this.#frames.get(id)?.frame;
  }

  release(id: number): void {
    const held = this.#frames.get(id);
    this.#frames.delete(id);
    if (held !== undefined) this.#giveUp(held);
  }

  /** @throws DeviceError "camera-silent" when no frame comes */
  borrow(): Promise<BorrowedFrame> {
    return new Promise((resolve, reject) => {
      const lend = (borrowed: BorrowedFrame): void => {
        clearTimeout(timer);
        resolve(borrowed);
      };
      const timer = setTimeout(() => {
        this.#borrowers = this.#borrowers.filter((other) => other !== lend);
        reject(new DeviceError("camera-silent", `Expected a frame within ${BORROW_DEADLINE_MS} ms but none came`));
      }, BORROW_DEADLINE_MS);
      this.#borrowers.push(lend);
    });
  }

  #giveUp(held: HeldFrame): void {
    held.holders--;
    if (held.holders === 0) held.client.release(held.frame);
  }
}
