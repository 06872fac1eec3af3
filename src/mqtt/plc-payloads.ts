import { InputError } from "../shared/errors.ts";
import type { TriggerFields } from "../station/events.ts";
import type { ReasonName } from "../station/reasons.ts";
import { codeOf } from "../station/reasons.ts";

/** What a PLC sends may leave its padding out; nothing that is longer than with it is looked at. */
const TRIGGER_BYTES = 8 + 1 + 10 + 1 + 32 + 1 + 16;
const ACK_BYTES = 8 + 1 + 10;

/** A session and a number, as every message of the handshake begins. */
export interface PartName {
  readonly session: string;
  readonly seq: number;
}

/** What a trigger said; `part` is null when session and seq are right and part or recipe are not. */
export interface ParsedTrigger extends PartName {
  readonly trigger: TriggerFields | null;
}

/**
 * `plc/trigger`: `session8;seq10;part32;recipe16`, part and recipe may be empty.
 *
 * @throws InputError "plc-trigger" when not even session and seq can be read, so that no answer can name them
 */
export function parseTrigger(payload: Uint8Array): ParsedTrigger {
  const fields = fieldsOf(payload, TRIGGER_BYTES, 4);
  const name = fields === null ? null : partName(fields[0], fields[1]);
  if (fields === null || name === null) {
    throw unreadable("plc-trigger", '"session8;seq10;part32;recipe16" for plc/trigger', payload);
  }
  const part = textField(fields[2] ?? "", 32);
  const recipe = textField(fields[3] ?? "", 16);
  return { ...name, trigger: part === null || recipe === null ? null : { ...name, part, recipe } };
}

/**
 * `plc/ack`: `session8;seq10`.
 *
 * @throws InputError "plc-ack"
 */
export function parseAck(payload: Uint8Array): PartName {
  const fields = fieldsOf(payload, ACK_BYTES, 2);
  const name = fields === null ? null : partName(fields[0], fields[1]);
  if (name === null) throw unreadable("plc-ack", '"session8;seq10" for plc/ack', payload);
  return name;
}

/** `plc/accepted`: `session8;seq10;code4`; 0000 accepted. */
export function formatAccepted({ session, seq }: PartName, refusal: ReasonName | null): string {
  return `${session.padEnd(8, " ")};${String(seq).padStart(10, "0")};${codeOf(refusal)}`;
}

/**
 * The same from JSON values, as a command gives them.
 *
 * @throws InputError "command-arguments"
 */
export function triggerOf(values: {
  readonly session?: unknown;
  readonly seq?: unknown;
  readonly part?: unknown;
  readonly recipe?: unknown;
}): TriggerFields {
  const { session, seq, part = "", recipe = "" } = values;
  const name = typeof session === "string" ? partName(session, String(seq)) : null;
  const partText = typeof part === "string" ? textField(part, 32) : null;
  const recipeText = typeof recipe === "string" ? textField(recipe, 16) : null;
  if (name === null || partText === null || recipeText === null) {
    throw new InputError(
      "command-arguments",
      "Expected a session of 1 to 8, a part of up to 32 and a recipe of up to 16 characters of 0-9A-Za-z._- and a seq " +
        `from 1 to 9999999999 but received ${JSON.stringify({ session, seq, part, recipe }).slice(0, 200)}`,
    );
  }
  return { ...name, part: partText, recipe: recipeText };
}

function fieldsOf(payload: Uint8Array, largest: number, count: number): readonly string[] | null {
  if (payload.length > largest) return null;
  const fields = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("latin1").split(";");
  return fields.length === count ? fields : null;
}

function partName(session: string | undefined, seq: string | undefined): PartName | null {
  const name = textField(session ?? "", 8);
  if (name === null || name === "" || seq === undefined || !/^[0-9]{1,10}$/.test(seq) || Number(seq) < 1) return null;
  return { session: name, seq: Number(seq) };
}

/** Padded with spaces on the right, or not. */
function textField(text: string, width: number): string | null {
  const bare = text.replace(/ +$/, "");
  return text.length <= width && /^[0-9A-Za-z._-]*$/.test(bare) ? bare : null;
}

function unreadable(code: string, expected: string, payload: Uint8Array): InputError {
  const start = Buffer.from(payload.subarray(0, 80)).toString("latin1");
  return new InputError(code, `Expected ${expected} but received ${payload.length} bytes: ${JSON.stringify(start)}`);
}
