/** What we use of the binding (1.7.4), as it really behaves. Its package carries no types. */
declare module "gstreamer-superficial" {
  /** A bus message: the fields of its structure beside these. */
  export interface BusMessage {
    readonly type: string;
    readonly _src_element_name?: string;
    /** On `error` only. */
    readonly message?: string;
    /** On `error` and `warning`. */
    readonly debug?: string;
  }

  /** Fields of the caps' first structure; fractions come as text. */
  export interface Caps {
    readonly format?: string;
    readonly width?: number;
    readonly height?: number;
  }

  export interface Element {
    /** Only an appsink has it. */
    readonly pull?: AppSink["pull"];
    /** Of rtspsrc. Texts can be set as properties, and before `play` only. */
    "user-id"?: string;
    "user-pw"?: string;
  }

  export interface AppSink {
    /**
     * Blocks one thread of libuv's pool until a sample comes; `null` at the end of the stream or when the pipeline
     * stops. Without a callback it aborts the process.
     */
    pull(callback: (buffer: Buffer | null | undefined, caps: Caps) => void): void;
  }

  export class Pipeline {
    /** @throws Error when the launch string does not parse; one of a single element kills the process */
    constructor(launch: string);
    /** Must be false before `play`, or the bus is emptied when the pipeline fails to start. */
    "auto-flush-bus": boolean;
    /** Synchronous; up to 10 s with a camera on the network that does not answer. */
    play(): void;
    /**
     * Blocks one thread of libuv's pool per message. Goes on by itself after each message, except when the pipeline
     * did not start: then it delivers one message a call.
     */
    pollBus(callback: (message: BusMessage) => void): void;
    /** An element by its name, with its properties; `pull` only on an appsink. */
    findChild(name: string): Element | undefined;
  }
}
