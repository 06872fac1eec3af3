import { literal, object, type Problem, type Shape } from "../bank/shape.ts";
import type { TwinTryAnswer } from "../mqtt/twin-payloads.ts";
import { isRefused, type ConfigKeeper } from "./config-keeper.ts";
import type { DocumentGate } from "./document-gate.ts";
import { digestOf, twinError, type TwinError } from "./twin-file.ts";

const configuration: Shape<unknown> = (value, path, problems): value is unknown => {
  if (value === undefined) problems.push({ path, expected: "a configuration", actual: "nothing" });
  return value !== undefined;
};
const tryBody = object({ command: literal("try-config"), config: configuration });

/** @returns what a configuration would change, or what is wrong with it; nothing is changed, and no counter is used */
export function tryConfig(
  payload: Uint8Array,
  twin: { readonly name: string; readonly target: string; readonly gate: DocumentGate; readonly keeper: ConfigKeeper },
): TwinTryAnswer {
  const document = digestOf(payload);
  const refuse = (errors: readonly TwinError[]): TwinTryAnswer => ({
    document,
    status: "rejected",
    errors,
    changes: [],
  });
  try {
    const { body } = twin.gate.open(payload, { type: "command", target: twin.target });
    const problems: Problem[] = [];
    if (!tryBody(body, "", problems)) {
      return refuse(
        problems.map(({ path, expected, actual }) => ({
          path,
          message: `expected ${expected}, but received ${actual}`,
        })),
      );
    }
    const candidate = twin.keeper.withTwin(twin.name, body.config);
    if (isRefused(candidate)) return refuse(candidate);
    const changes = candidate.changes.map(({ path, from, to, apply }) => ({ path, from, to, apply }));
    return { document, status: "ok", errors: [], changes };
  } catch (error) {
    return refuse([twinError(error)]);
  }
}
