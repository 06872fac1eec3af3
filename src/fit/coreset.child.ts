import { endWithParent } from "../shared/child-process.ts";
import { BugError, toWireError } from "../shared/errors.ts";
import { CoresetBuilder } from "./coreset-builder.ts";
import type { FromCoreset, ToCoreset } from "./coreset-protocol.ts";

/**
 * The coreset process: greedy k-center is one long computation that nothing could interrupt in the process of the
 * command itself; here it can be killed at any moment. It also projects while the other process embeds.
 */
endWithParent();

/** Parts into which the picks are divided for progress messages. */
const PROGRESS_STEPS = 200;

const state: { builder: CoresetBuilder | null } = { builder: null };

function send(message: FromCoreset): void {
  process.send?.(message);
}

async function handle(message: ToCoreset): Promise<void> {
  if (message.type === "setup") {
    state.builder = await CoresetBuilder.open(message.setup);
    send({ type: "done", id: message.id });
    return;
  }
  const { builder } = state;
  if (builder === null) throw new BugError("not-started", `Expected setup before ${message.type}`);
  if (message.type === "image") {
    await builder.add(message.slot);
    send({ type: "done", id: message.id });
    return;
  }
  const step = Math.ceil(message.request.count / PROGRESS_STEPS);
  const picks = await builder.pick(message.request, (picked, count) => {
    if (picked % step === 0) send({ type: "progress", picked, count });
  });
  send({ type: "picked", id: message.id, picks });
}

// The client waits for each answer before it sends the next message, so calls do not overlap.
process.on("message", (received) => {
  const message = received as ToCoreset;
  handle(message).catch((error: unknown) => send({ type: "failed", id: message.id, error: toWireError(error) }));
});
