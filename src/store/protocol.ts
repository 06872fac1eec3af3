import type { WireError } from "../shared/errors.ts";

/** A trigger as it is kept: what the PLC sent. */
export interface StoredTrigger {
  readonly session: string;
  readonly seq: number;
  readonly part: string;
  readonly recipe: string;
}

/** A publication that the broker, or the PLC, has not acknowledged. */
export interface StoredMessage {
  /** Names it; grows over all runs of the daemon. */
  readonly key: number;
  readonly kind: "result" | "record";
  /** ASCII of a result; of a record it is fetched when its turn comes. */
  readonly payload: string | null;
}

/** One change. Changes are carried out in the order in which they were asked for. */
export type Change =
  | { readonly type: "accept"; readonly station: string; readonly trigger: StoredTrigger }
  /** The outcome of a part. `session` null: a part that no trigger announced. */
  | {
      readonly type: "result";
      readonly station: string;
      readonly session: string | null;
      readonly seq: number;
      readonly key: number;
      readonly payload: string;
    }
  /** A result's payload got another flag before it left. */
  | {
      readonly type: "restamp";
      readonly station: string;
      readonly session: string | null;
      readonly seq: number;
      readonly key: number;
      readonly payload: string;
    }
  | { readonly type: "record"; readonly station: string; readonly key: number; readonly payload: Uint8Array }
  | { readonly type: "remove"; readonly keys: readonly number[] }
  | { readonly type: "remember"; readonly station: string; readonly name: string; readonly value: string };

/** What a former run left of one station. */
export interface StationRemains {
  /** Accepted triggers without an outcome, oldest first. */
  readonly open: readonly StoredTrigger[];
  /** The newest accepted triggers with an outcome, oldest first, each with its result's payload. */
  readonly answered: readonly { readonly session: string; readonly seq: number; readonly payload: string }[];
  /** In order of `key`. */
  readonly messages: readonly StoredMessage[];
  readonly values: Readonly<Record<string, string>>;
}

/** What was found when the database was opened. */
export interface Opened {
  readonly nextKey: number;
  readonly stations: Readonly<Record<string, StationRemains>>;
  /** Where an unusable file was moved, with what was wrong with it; null: the file was sound, or there was none. */
  readonly setAside: SetAside | null;
}

export interface SetAside {
  readonly path: string;
  readonly reason: string;
}

export type ToStore =
  | { readonly type: "open"; readonly id: number; readonly file: string; readonly stations: readonly string[] }
  | { readonly type: "write"; readonly id: number; readonly changes: readonly Change[] }
  | { readonly type: "fetch"; readonly id: number; readonly keys: readonly number[] }
  | { readonly type: "remains"; readonly id: number; readonly station: string }
  | { readonly type: "close"; readonly id: number };

export type FromStore =
  | { readonly type: "opened"; readonly id: number; readonly opened: Opened }
  /** On the disk. `setAside`: the file was found unusable on the way, and a new one was begun. */
  | { readonly type: "written"; readonly id: number; readonly setAside: SetAside | null; readonly spentMs: number }
  | { readonly type: "fetched"; readonly id: number; readonly payloads: ReadonlyMap<number, Uint8Array> }
  | { readonly type: "remains"; readonly id: number; readonly opened: Opened }
  | { readonly type: "closed"; readonly id: number }
  | { readonly type: "failed"; readonly id: number; readonly error: WireError };
