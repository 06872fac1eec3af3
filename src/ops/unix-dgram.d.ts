/** The part of unix-dgram 2.0 that is used; the package brings no types. */
declare module "unix-dgram" {
  import type { EventEmitter } from "node:events";

  export interface UnixDatagramSocket extends EventEmitter {
    bind(path: string): void;
    /** Sends at once or not at all; `done` is called before this returns. */
    send(bytes: Buffer, offset: number, length: number, path: string, done: (error?: Error) => void): void;
    close(): void;
  }

  export function createSocket(type: "unix_dgram", onMessage?: (message: Buffer) => void): UnixDatagramSocket;
}
