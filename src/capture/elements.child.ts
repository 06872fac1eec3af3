import { createRequire } from "node:module";
import { endSelf, endWithParent, tellParent } from "../shared/child-process.ts";
import { reasonOf } from "../shared/errors.ts";
import { gstreamerVersion } from "./gstreamer-version.ts";
import type { FromElements, ToElements } from "./protocol.ts";

/**
 * Says which elements GStreamer has not, in a process of its own: the binding never frees a pipeline, and a broken plugin
 * may end the process that loads it.
 */
endWithParent();

/** The answer to the parent at most this. */
const LAST_WORD_MS = 5_000;

process.on("message", (data) => {
  void tellParent(answerTo(data as ToElements), LAST_WORD_MS).then(endSelf);
});

function answerTo({ names }: ToElements): FromElements {
  try {
    const addon = createRequire(import.meta.url)("gstreamer-superficial") as typeof import("gstreamer-superficial");
    const missing = names.filter((name) => {
      try {
        new addon.Pipeline(`${name} ! fakesink`);
        return false;
      } catch (error) {
        // An element that cannot stand before a sink is there all the same.
        return /no element|no such element/i.test(reasonOf(error));
      }
    });
    return { missing, gstreamer: gstreamerVersion() };
  } catch (error) {
    return { problem: reasonOf(error) };
  }
}
