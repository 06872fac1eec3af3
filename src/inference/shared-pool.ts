/** One's share of something that others may use, too. */
export interface Lease<T> {
  readonly value: T;
  /** The thing is closed when the last one releases it. Idempotent. */
  release(): Promise<void>;
}

interface Shared<T> {
  readonly made: Promise<T>;
  holders: number;
}

/** Things that are costly and do not depend on who uses them: each is made once, and closed when nobody uses it any more. */
export class SharedPool<T extends { close(): Promise<void> }> {
  readonly #shared = new Map<string, Shared<T>>();

  /** Things that are there. */
  get size(): number {
    return this.#shared.size;
  }

  /**
   * @param key all that the thing depends on
   * @param make called unless there is one; its error comes back to everyone who waits for it
   */
  async lease(key: string, make: () => Promise<T>): Promise<Lease<T>> {
    const shared = this.#shared.get(key) ?? { made: make(), holders: 0 };
    this.#shared.set(key, shared);
    shared.holders++;
    try {
      const value = await shared.made;
      let released = false;
      return {
        value,
        release: async () => {
          if (released) return;
          released = true;
          if (this.#leave(key, shared)) await value.close();
        },
      };
    } catch (error) {
      this.#leave(key, shared);
      throw error;
    }
  }

  /** @returns whether it was the last one */
  #leave(key: string, shared: Shared<T>): boolean {
    shared.holders--;
    if (shared.holders > 0) return false;
    this.#shared.delete(key);
    return true;
  }
}
