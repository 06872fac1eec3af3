/** Names a part for the disk; `session` null: a part that no trigger announced. */
export interface JournalPart {
  readonly session: string | null;
  readonly seq: number;
}

/**
 * What an outbox needs of the disk. Calls take effect in their order; `done` is called once for each, later, and says
 * whether it is on the disk.
 */
export interface Journal {
  saveResult(part: JournalPart, key: number, payload: string, done: (durable: boolean) => void): void;
  restampResult(part: JournalPart, key: number, payload: string, done: (durable: boolean) => void): void;
  saveRecord(key: number, payload: Uint8Array, done: (durable: boolean) => void): void;
  remove(keys: readonly number[]): void;
  /** @returns the payloads that are there */
  fetch(keys: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>>;
}

/** What a former run left in the journal, as the outbox takes it over. */
export interface Left {
  readonly nextKey: number;
  /** In order of `key`; `payload` is null for a record. */
  readonly messages: readonly { readonly key: number; readonly payload: string | null }[];
  /** Results that were sent once, oldest first. */
  readonly answered: readonly { readonly session: string; readonly seq: number; readonly payload: string }[];
}

export const NOTHING_LEFT: Left = { nextKey: 1, messages: [], answered: [] };

/** Keeps records in memory and calls that durable: for tests, and for who needs nothing to outlive the process. */
export class MemoryJournal implements Journal {
  readonly #records = new Map<number, Uint8Array>();

  saveResult(_part: JournalPart, _key: number, _payload: string, done: (durable: boolean) => void): void {
    done(true);
  }

  restampResult(_part: JournalPart, _key: number, _payload: string, done: (durable: boolean) => void): void {
    done(true);
  }

  saveRecord(key: number, payload: Uint8Array, done: (durable: boolean) => void): void {
    this.#records.set(key, payload);
    done(true);
  }

  remove(keys: readonly number[]): void {
    for (const key of keys) this.#records.delete(key);
  }

  fetch(keys: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const found = keys.flatMap((key) => {
      const payload = this.#records.get(key);
      return payload === undefined ? [] : [[key, payload] as const];
    });
    return Promise.resolve(new Map(found));
  }
}
