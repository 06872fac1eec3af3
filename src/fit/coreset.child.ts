import { endWithParent } from "../shared/child-process.ts";
import { BugError, toWireError } from "../shared/errors.ts";
import { CoresetBuilder } from "./coreset-builder.ts";
import type { FromCoreset, ToCoreset } from "./coreset-protocol.ts";

/**
 * The coreset process: greedy k-center is one long computation that nothing could interrupt in the process of the
 * command itself; here it can be killed at any moment. It also projects while the other core embeds.
 */
endWithParent();

/** Parts into which the picks are divided for progress messages. */
const PROGRESS_STEPS = 200;

const state: { builder: CoresetBuilder | null } = { builder: null };

function send(message: FromCoreset): void {
  process.send?.(message);
}

function handle(message: ToCoreset): void {
  if (message.type === "start") {
    state.builder = new CoresetBuilder(message.start);
    send({ type: "done", id: message.id });
    return;
  }
  const { builder } = state;
  if (builder === null) throw new BugError("not-started", `Expected start before ${message.type}`);
  if (message.type === "rows") {
    builder.add(message.rows);
    send({ type: "done", id: message.id });
    return;
  }
  const step = Math.ceil(message.count / PROGRESS_STEPS);
  const picks = builder.pick(message.count, (picked, count) => {
    if (picked % step === 0) send({ type: "progress", picked, count });
  });
  send({ type: "picked", id: message.id, picks });
}

process.on("message", (received) => {
  const message = received as ToCoreset;
  try {
    handle(message);
  } catch (error) {
    send({ type: "failed", id: message.id, error: toWireError(error) });
  }
});
