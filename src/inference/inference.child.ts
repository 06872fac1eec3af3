import sharp from "sharp";
import { endWithParent } from "../shared/child-process.ts";
import { InferenceWorker } from "./inference-worker.ts";
import type { ToInference } from "./protocol.ts";

/**
 * The inference process: owns the backbone sessions and the memory banks. It speaks to the daemon over the channel
 * that it was spawned with and ends when the daemon does.
 */
endWithParent();
// No picture comes twice.
sharp.cache(false);

const worker = new InferenceWorker((message) => process.send?.(message));
process.on("message", (message) => worker.handle(message as ToInference));
