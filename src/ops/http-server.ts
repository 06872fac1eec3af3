import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { DeviceError, reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { HttpHosts } from "./http-hosts.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What is answered, by path. Paths are exact; a query is no part of them and is not looked at. */
export type HttpRoutes = Readonly<Record<string, () => HttpAnswer | Promise<HttpAnswer>>>;

export interface HttpServerOptions {
  /** An IP address of this device, or the one that stands for all. */
  readonly address: string;
  /** 0: one that is free. */
  readonly port: number;
  /** Names that may stand in Host and Origin beside the address and those of loopback. */
  readonly hosts: readonly string[];
  readonly routes: HttpRoutes;
  readonly logger: Logger;
}

/** A URL is one of a few short paths. */
const LARGEST_URL = 256;
/** Of all headers of a request, bytes; beyond it the answer is 431. */
const LARGEST_HEADERS = 8_192;
const LARGEST_HEADER_COUNT = 64;
/** A monitor or two, and a person. */
const MOST_CONNECTIONS = 32;
/** Headers, and the whole request, have to be here after so long, ms; else 408. */
const REQUEST_DEADLINE_MS = 5_000;
/** A connection on which nothing is asked is closed after this, ms. */
const IDLE_MS = 10_000;
/** How often Node looks for connections that are past their deadline, ms. */
const CHECK_EVERY_MS = 1_000;

const JSON_TYPE = "application/json; charset=utf-8";

/** @returns an answer with a document for people and programs */
export function jsonAnswer(status: number, document: object): HttpAnswer {
  return { status, contentType: JSON_TYPE, body: `${JSON.stringify(document, null, 2)}\n` };
}

/**
 * A server for monitors: it answers GET and HEAD of a few paths and nothing else. Host and Origin are checked on
 * loopback too, and no header gives pages of other sites a right to read (CORS).
 */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #hosts: HttpHosts;
  readonly #server: Server;
  #closing: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#hosts = new HttpHosts(options.address, options.hosts);
    this.#server = createServer(
      {
        maxHeaderSize: LARGEST_HEADERS,
        headersTimeout: REQUEST_DEADLINE_MS,
        requestTimeout: REQUEST_DEADLINE_MS,
        keepAliveTimeout: IDLE_MS,
        connectionsCheckingInterval: CHECK_EVERY_MS,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxHeadersCount = LARGEST_HEADER_COUNT;
    this.#server.maxConnections = MOST_CONNECTIONS;
  }

  /**
   * @returns the port
   * @throws DeviceError "http-listen" when the address is not this device's, or the port is taken or not allowed
   */
  async listen(): Promise<number> {
    const { address, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) => reject(listenError(address, port, error)));
      this.#server.listen({ host: address, port, exclusive: true }, resolve);
    });
    const bound = this.#server.address();
    return typeof bound === "object" && bound !== null ? bound.port : port;
  }

  /** Ends all connections. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
    return this.#closing;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A connection that breaks is its client's affair.
    response.on("error", () => undefined);
    const refusal = this.#refusal(request);
    if (refusal !== null) {
      // What else comes on this connection, a body perhaps, is not wanted.
      response.shouldKeepAlive = false;
      send(request, response, refusal);
      return;
    }
    const path = pathOf(request);
    const route = Object.hasOwn(this.#options.routes, path) ? this.#options.routes[path] : undefined;
    if (route === undefined) {
      const paths = Object.keys(this.#options.routes).join(", ");
      send(request, response, refused(404, `Expected one of ${paths}`));
      return;
    }
    try {
      send(request, response, await route());
    } catch (error) {
      this.#options.logger.error({ path }, `an answer over HTTP failed: ${reasonOf(error)}`);
      send(request, response, refused(500, "The answer could not be made; see the log"));
    }
  }

  #refusal(request: IncomingMessage): HttpAnswer | null {
    const { method = "", url = "", headersDistinct } = request;
    const [host, another] = headersDistinct["host"] ?? [];
    if (host === undefined || another !== undefined) return refused(400, "Expected one Host header");
    if (!this.#hosts.allows(host)) return refused(421, "Expected a Host that http.hosts lists");
    const origins = headersDistinct["origin"] ?? [];
    if (!origins.every((origin) => this.#hosts.allowsOrigin(origin))) {
      return refused(403, "Expected no Origin, or one whose host http.hosts lists");
    }
    if (method !== "GET" && method !== "HEAD") return refused(405, "Expected GET or HEAD");
    if (url.length > LARGEST_URL) return refused(414, `Expected a URL of at most ${LARGEST_URL} characters`);
    const { "content-length": length = ["0"], "transfer-encoding": encoding } = headersDistinct;
    if (encoding !== undefined || length.some((bytes) => bytes !== "0")) return refused(413, "Expected no body");
    return null;
  }
}

/** What was received is not repeated: it may be anything, and the client knows it. */
function refused(status: number, message: string): HttpAnswer {
  return jsonAnswer(status, { error: message });
}

function pathOf({ url = "" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? "";
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body }: HttpAnswer): void {
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    ...(status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function listenError(address: string, port: number, error: NodeJS.ErrnoException): DeviceError {
  const place = `port ${port} of ${address}`;
  const found =
    error.code === "EADDRINUSE"
      ? "another program has it; set another http.port, or end that program"
      : error.code === "EACCES"
        ? "nominald may not open it; set an http.port above 1023"
        : error.code === "EADDRNOTAVAIL"
          ? "the address is not of this device; set another http.address"
          : error.message;
  return new DeviceError("http-listen", `Expected ${place} to be free for HTTP but ${found}`, { cause: error });
}
