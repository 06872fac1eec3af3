import { createServer, type Server, type Socket } from "node:net";
import { Aedes } from "aedes";

/** aedes drops QoS 0 messages to a subscriber whose socket holds more than this; pictures are such messages. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;

/** A broker for the demo alone: in memory, on the loopback interface, on a port that the system picks. */
export class EmbeddedBroker {
  readonly #sockets = new Set<Socket>();
  #aedes: Aedes | undefined;
  #server: Server | undefined;

  /** @returns the URL to connect to */
  async start(): Promise<string> {
    const aedes = await Aedes.createBroker();
    const server = createServer({ highWaterMark: SOCKET_BUFFER_BYTES, noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      aedes.handle(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    this.#aedes = aedes;
    this.#server = server;
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error(`Expected a TCP port but got ${address}`);
    return `mqtt://127.0.0.1:${address.port}`;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    const server = this.#server;
    const aedes = this.#aedes;
    this.#server = undefined;
    this.#aedes = undefined;
    if (aedes !== undefined) await new Promise<void>((resolve) => aedes.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }
}
