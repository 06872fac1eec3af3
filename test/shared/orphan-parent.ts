import { ChildProcess, childEntry } from "../../src/shared/child-process.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import type { FromEcho, ToEcho } from "./echo.child.ts";

/**
 * A parent that a test kills: prints its child's process id and waits. With the argument "block" the child is busy
 * in a call that never returns, so only the kernel can end it.
 */
const child = new ChildProcess<ToEcho, FromEcho>({
  name: "echo",
  entry: childEntry("echo.child", import.meta.url),
  logger: silentLogger,
  onMessage: (message) => {
    if (message.type !== "ready") return;
    if (process.argv[2] === "block") child.send({ type: "block" });
    // The child needs a moment to get into the call.
    setTimeout(() => process.stdout.write(`${message.pid}\n`), 300);
  },
  onExit: () => undefined,
});
child.start();
