import fc from "fast-check";

/** Messages that a station understands, to be changed. */
const VALID = ["s1;1;part;recipe", "PLC-1   ;0000000042", '{"transaction":"t1","session":"a","seq":1}'];

/** Valid messages with a byte changed, cut off or doubled. */
const mutated = fc
  .tuple(fc.constantFrom(...VALID), fc.nat(60), fc.integer({ min: 0, max: 255 }), fc.nat(2))
  .map(([message, at, byte, kind]) => {
    const bytes = Buffer.from(message);
    const place = at % bytes.length;
    if (kind === 0) bytes[place] = byte;
    return kind === 1 ? bytes.subarray(0, place) : kind === 2 ? Buffer.concat([bytes, bytes.subarray(place)]) : bytes;
  });

/** Payloads that may come from anywhere: bytes at random, JSON, and nearly valid messages. A few are valid. */
export const noise: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes)),
  mutated,
  fc.json().map((text) => Buffer.from(text)),
);
