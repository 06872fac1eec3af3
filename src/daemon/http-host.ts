import type { HttpConfig } from "../config/config.ts";
import { HttpServer, type HttpRoutes } from "../ops/http-server.ts";
import { NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";

export interface HttpHostOptions {
  readonly settings: HttpConfig;
  readonly routes: HttpRoutes;
  readonly logger: Logger;
  readonly retryMs?: number;
}

/** A port that is taken may become free: it is tried again so often, ms. */
const RETRY_MS = 10_000;

/** Keeps the HTTP server as the configuration wants it. The line works without it, so nothing here ends the daemon. */
export class HttpHost {
  readonly #options: HttpHostOptions;
  #settings: HttpConfig;
  #server: HttpServer | null = null;
  #port: number | null = null;
  #problem: string | null = null;
  #changes = 0;
  #retry: NodeJS.Timeout | undefined;
  /** One change after the other. */
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: HttpHostOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  start(): void {
    this.#next(async () => {
      await this.#open();
      this.#changes++;
    });
  }

  /** The server is made anew, as `settings` say. */
  reconfigure(settings: HttpConfig): void {
    this.#next(async () => {
      await this.#end();
      this.#settings = settings;
      await this.#open();
      this.#changes++;
    });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#turn;
    await this.#end();
  }

  /** The port that is listened on; null: none. */
  get port(): number | null {
    return this.#port;
  }

  /** Configurations that have been taken over, the first included. */
  get changes(): number {
    return this.#changes;
  }

  /** Why there is no server although one is wanted, in words; null: all is as it should be. */
  get problem(): string | null {
    return this.#problem;
  }

  #next(work: () => Promise<void>): void {
    clearTimeout(this.#retry);
    this.#turn = this.#turn.then(() => (this.#closed ? undefined : work()));
  }

  async #open(): Promise<void> {
    const { routes, logger, retryMs = RETRY_MS } = this.#options;
    const { enabled, address, port, hosts } = this.#settings;
    if (!enabled) return;
    const server = new HttpServer({ address, port, hosts, routes, logger });
    try {
      this.#port = await server.listen();
    } catch (error) {
      if (!(error instanceof NominalError)) throw error;
      await server.close();
      if (this.#problem !== error.message) logger.error({ code: error.code }, `no HTTP server: ${error.message}`);
      this.#problem = error.message;
      if (!this.#closed) this.#retry = setTimeout(() => this.#next(() => this.#open()), retryMs);
      return;
    }
    this.#server = server;
    this.#problem = null;
    logger.info({ address, port: this.#port }, "HTTP server is up");
  }

  async #end(): Promise<void> {
    await this.#server?.close();
    this.#server = null;
    this.#port = null;
    this.#problem = null;
  }
}
