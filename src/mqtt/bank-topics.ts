import { InputError } from "../shared/errors.ts";

/** Topics of bank delivery below a station's root. */
export interface BankTopics {
  /** In: a signed offer, withdrawal or rollback. */
  readonly offer: string;
  /** Out: what the device wants next. */
  readonly get: string;
  /** In: `<blocks>/<transfer>/<offset>`. */
  readonly blocks: string;
  /** Out, retained: where the delivery stands. */
  readonly state: string;
  /** Out: a part of which the active bank and the one in shadow say different things. */
  readonly flip: string;
}

export function bankTopics(root: string): BankTopics {
  return {
    offer: `${root}/bank/offer`,
    get: `${root}/bank/get`,
    blocks: `${root}/bank/blk`,
    state: `${root}/bank/state`,
    flip: `${root}/bank/flip`,
  };
}

/** A wish for bytes of one file. */
export interface BlockRequest {
  /** 16 hex digits: the beginning of the file's digest. */
  readonly transfer: string;
  readonly offset: number;
  /** Bytes. */
  readonly count: number;
}

const TRANSFER = /^[0-9a-f]{16}$/;
const LARGEST_GET_BYTES = 256;

export function formatGet({ transfer, offset, count }: BlockRequest): string {
  return JSON.stringify({ transfer, offset, count });
}

/** @throws InputError "bank-get" */
export function parseGet(payload: Uint8Array): BlockRequest {
  const text = Buffer.from(payload).toString("utf8");
  const refuse = (): InputError =>
    new InputError("bank-get", `Expected {transfer, offset, count} but received ${text.slice(0, 80)}`);
  if (payload.length > LARGEST_GET_BYTES) throw refuse();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refuse();
  }
  if (typeof json !== "object" || json === null) throw refuse();
  const { transfer, offset, count } = json as Readonly<Record<string, unknown>>;
  if (typeof transfer !== "string" || !TRANSFER.test(transfer)) throw refuse();
  if (typeof offset !== "number" || !Number.isSafeInteger(offset) || offset < 0) throw refuse();
  if (typeof count !== "number" || !Number.isSafeInteger(count) || count < 1) throw refuse();
  return { transfer, offset, count };
}

/** @returns which bytes a block's topic names; null when it names none */
export function parseBlockTopic(topics: BankTopics, topic: string): { transfer: string; offset: number } | null {
  if (!topic.startsWith(`${topics.blocks}/`)) return null;
  const [transfer = "", offset = "", ...rest] = topic.slice(topics.blocks.length + 1).split("/");
  if (!TRANSFER.test(transfer) || !/^\d{1,15}$/.test(offset) || rest.length > 0) return null;
  return { transfer, offset: Number(offset) };
}
