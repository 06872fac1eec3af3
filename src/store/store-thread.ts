import { parentPort } from "node:worker_threads";
import { BugError, toWireError } from "../shared/errors.ts";
import { systemClock } from "../shared/system-clock.ts";
import { Database } from "./database.ts";
import type { FromStore, ToStore } from "./protocol.ts";

/** The thread in which SQLite waits for the disk, so that the daemon's event loop does not. */
class StoreThread {
  #database: Database | undefined;

  answer(message: ToStore): FromStore {
    try {
      return this.#carryOut(message);
    } catch (error) {
      return { type: "failed", id: message.id, error: toWireError(error) };
    }
  }

  #carryOut(message: ToStore): FromStore {
    const { id } = message;
    switch (message.type) {
      case "open":
        this.#database = new Database(message.file, () => systemClock.wallMs());
        return { type: "opened", id, opened: this.#database.open(message.stations) };
      case "write": {
        const begun = systemClock.monotonicMs();
        const setAside = this.#database?.write(message.changes) ?? null;
        return { type: "written", id, setAside, spentMs: systemClock.monotonicMs() - begun };
      }
      case "fetch":
        return { type: "fetched", id, payloads: this.#database?.fetch(message.keys) ?? new Map() };
      case "remains":
        if (this.#database === undefined) throw new BugError("store-closed", "Expected open before remains");
        return { type: "remains", id, opened: this.#database.remainsOf([message.station]) };
      case "close":
        this.#database?.close();
        return { type: "closed", id };
      default:
        return message satisfies never;
    }
  }
}

const thread = new StoreThread();
parentPort?.on("message", (message: ToStore) => parentPort?.postMessage(thread.answer(message)));
