import type { StoredTrigger } from "./protocol.ts";
import type { Store } from "./store-client.ts";

/** One station's part of the database. Every `done` says whether it is on the disk now. */
export class StationStore {
  readonly #store: Store;
  readonly #station: string;

  constructor(store: Store, station: string) {
    this.#store = store;
    this.#station = station;
  }

  accept(trigger: StoredTrigger, done: (durable: boolean) => void): void {
    this.#store.write({ type: "accept", station: this.#station, trigger }, done);
  }

  /** @param part `session` null: a part that no trigger announced */
  saveResult(
    { session, seq }: { readonly session: string | null; readonly seq: number },
    key: number,
    payload: string,
    done: (durable: boolean) => void,
  ): void {
    this.#store.write({ type: "result", station: this.#station, session, seq, key, payload }, done);
  }

  /** The result got another flag before it left. */
  restampResult(
    { session, seq }: { readonly session: string | null; readonly seq: number },
    key: number,
    payload: string,
    done: (durable: boolean) => void,
  ): void {
    this.#store.write({ type: "restamp", station: this.#station, session, seq, key, payload }, done);
  }

  saveRecord(key: number, payload: Uint8Array, done: (durable: boolean) => void): void {
    this.#store.write({ type: "record", station: this.#station, key, payload }, done);
  }

  remove(keys: readonly number[]): void {
    this.#store.write({ type: "remove", keys }, undefined, true);
  }

  remember(name: string, value: string): void {
    this.#store.write({ type: "remember", station: this.#station, name, value });
  }

  fetch(keys: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    return this.#store.fetch(keys);
  }
}
