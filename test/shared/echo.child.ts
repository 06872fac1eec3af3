import { endWithParent } from "../../src/shared/child-process.ts";

/** What a test asks of the child. */
export type ToEcho =
  | { readonly type: "echo"; readonly data: Uint8Array }
  | { readonly type: "exit"; readonly code: number; readonly lastWords: number }
  | { readonly type: "print"; readonly line: string; readonly times: number }
  | { readonly type: "block" };

export type FromEcho =
  | { readonly type: "ready"; readonly pid: number; readonly telemetry: string }
  | { readonly type: "echo"; readonly data: Uint8Array }
  | { readonly type: "word"; readonly number: number };

const tell = (message: FromEcho, sent?: () => void): void => {
  process.send?.(message, undefined, undefined, sent);
};

endWithParent();
tell({ type: "ready", pid: process.pid, telemetry: process.env["ORT_DISABLE_TELEMETRY"] ?? "" });

process.on("message", (data) => {
  const message = data as ToEcho;
  switch (message.type) {
    case "echo":
      tell({ type: "echo", data: message.data });
      return;
    case "exit":
      for (let number = 1; number < message.lastWords; number += 1) tell({ type: "word", number });
      tell({ type: "word", number: message.lastWords }, () => process.exit(message.code));
      return;
    case "print":
      process.stderr.write(`${message.line}\n`.repeat(message.times));
      return;
    case "block":
      for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
    // The loop has no end: nothing falls through.
    default:
      message satisfies never;
  }
});
