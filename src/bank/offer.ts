import { createHash } from "node:crypto";
import { InputError } from "../shared/errors.ts";
import { arrayOf, byKinds, integer, literal, object, orNull, text } from "./shape.ts";
import type { Problem } from "./shape.ts";

/** One file that travels. Its content is known by its digests alone; nothing of it is parsed before they hold. */
export interface OfferedFile {
  readonly kind: "bank" | "backbone-manifest" | "backbone-model";
  readonly bytes: number;
  readonly sha256: string;
  /** SHA-256 of the table that holds the 32-byte digest of each block, one after the other. */
  readonly tableSha256: string;
  /** Where its blocks are, https://; null: they come over the broker, as every table does. */
  readonly url: string | null;
}

/** How long a candidate scores beside the active bank before it awaits a decision: whichever comes first. */
export interface ShadowTerms {
  /** That the candidate has scored. */
  readonly parts: number;
  readonly seconds: number;
}

/** The signed body of `bank/offer`. */
export interface BankOffer {
  readonly action: "offer";
  /** What the bank calls itself, for people; the digests decide. */
  readonly bankId: string;
  readonly backboneSha256: string;
  readonly blockBytes: number;
  /** In the order in which they travel: the bank last. */
  readonly files: readonly OfferedFile[];
  /** null: it becomes active when it has passed the gate; else when it is promoted. */
  readonly shadow: ShadowTerms | null;
}

/** What a person with a key of role `bank` can ask of a station. */
export type BankDirective =
  | BankOffer
  /** Give up the offer that is under way; null: whichever it is. */
  | { readonly action: "withdraw"; readonly bankId: string | null }
  /** The candidate that scores beside the active bank becomes active; null: whichever it is. */
  | { readonly action: "promote"; readonly bankId: string | null }
  /** Back to the bank before. */
  | { readonly action: "rollback" };

export const BLOCK_BYTES = 65_536;
export const TABLE_ENTRY_BYTES = 32;
/** A table travels as one block, so a file has at most this many blocks: 256 MiB of 64 KiB each. */
export const MOST_BLOCKS = 4_096;

export const MOST_SHADOW_PARTS = 1_000_000;
/** 31 days. */
export const MOST_SHADOW_SECONDS = 2_678_400;

const digest = text(/^[0-9a-f]{64}$/, "64 lower-case hex digits");
const bankId = text(/^[0-9A-Za-z._-]{1,32}$/, "a bank's id");

const directiveShape = byKinds("action", {
  offer: object({
    action: literal("offer"),
    bankId,
    backboneSha256: digest,
    blockBytes: literal(65_536, 131_072),
    files: arrayOf(
      object({
        kind: literal("bank", "backbone-manifest", "backbone-model"),
        bytes: integer(1, Number.MAX_SAFE_INTEGER),
        sha256: digest,
        tableSha256: digest,
        url: orNull(text(/^[\x21-\x7e]{1,1024}$/, "a URL of at most 1,024 characters")),
      }),
      1,
      3,
    ),
    shadow: orNull(object({ parts: integer(1, MOST_SHADOW_PARTS), seconds: integer(1, MOST_SHADOW_SECONDS) })),
  }),
  promote: object({ action: literal("promote"), bankId: orNull(bankId) }),
  withdraw: object({ action: literal("withdraw"), bankId: orNull(bankId) }),
  rollback: object({ action: literal("rollback") }),
});

/**
 * @param body of a signed document, its signature checked
 * @param largestBytes of one file
 * @throws InputError "offer-form", "offer-size"
 */
export function parseDirective(body: unknown, largestBytes: number): BankDirective {
  const problems: Problem[] = [];
  if (!directiveShape(body, "", problems)) throw formError(problems);
  if (body.action !== "offer") return body;
  const kinds = body.files.map(({ kind }) => kind).join(" ");
  if (kinds !== "bank" && kinds !== "backbone-manifest backbone-model bank") {
    throw formError([
      { path: "files", expected: "bank, with its backbone's two files before it or not", actual: kinds },
    ]);
  }
  const most = Math.min(largestBytes, MOST_BLOCKS * body.blockBytes);
  for (const { kind, bytes } of body.files) {
    if (bytes <= most) continue;
    throw new InputError("offer-size", `Expected at most ${most} bytes for the ${kind} but ${bytes} were offered`);
  }
  return body;
}

function formError(problems: readonly Problem[]): InputError {
  const list = problems.map(({ path, expected, actual }) => `${path || "it"}: ${expected}, not ${actual}`).join("; ");
  return new InputError(
    "offer-form",
    `Expected an offer, a promotion, a withdrawal or a rollback but received another: ${list}`,
  );
}

export function blockCount(bytes: number, blockBytes: number): number {
  return Math.ceil(bytes / blockBytes);
}

/** By this name a file, or a table, travels on `bank/get` and `bank/blk`. */
export function transferName(sha256: string): string {
  return sha256.slice(0, 16);
}

/** The name of an offer in `bank/state`: nobody else's envelope has it. */
export function offerName(envelope: Uint8Array): string {
  return createHash("sha256").update(envelope).digest("hex").slice(0, 16);
}
