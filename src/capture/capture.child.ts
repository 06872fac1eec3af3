import { endSelf, endWithParent } from "../shared/child-process.ts";
import { BugError } from "../shared/errors.ts";
import { systemClock } from "../shared/system-clock.ts";
import { CaptureRun } from "./capture-run.ts";
import type { FromCapture, ToCapture } from "./protocol.ts";

/**
 * The capture process: one camera, one pipeline. It speaks to the daemon over the channel that it was spawned with,
 * and ends when the daemon does.
 */
endWithParent();

const send = (message: FromCapture): void => {
  // A failed write means that the daemon is gone; the closed channel then ends this process.
  process.send?.(message, undefined, undefined, () => undefined);
};

let run: CaptureRun | undefined;

process.on("message", (data) => {
  const message = data as ToCapture;
  switch (message.type) {
    case "start":
      if (run !== undefined) return;
      run = new CaptureRun(message.settings, systemClock, send);
      void run.start();
      return;
    case "credit":
      run?.credit(message.slot);
      return;
    default:
      message satisfies never;
  }
});

// A natural end would hang on the blocked pull, and nobody would learn why.
process.on("uncaughtException", (error) => {
  if (run === undefined) endSelf();
  else run.fault(new BugError("capture-crashed", `Capture process failed: ${error.stack ?? error.message}`));
});
