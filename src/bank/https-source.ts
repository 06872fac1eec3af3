import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { DeviceError, InputError, type NominalError, reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { HttpsAccess } from "./https-access.ts";

/** Bytes of the file that are wanted. */
export interface ByteRange {
  /** By this name the file travels. */
  readonly transfer: string;
  readonly offset: number;
  readonly count: number;
}

export interface HttpsSourceOptions {
  readonly access: HttpsAccess;
  readonly url: string;
  /** Of the whole file, as it was offered. */
  readonly bytes: number;
  readonly logger: Logger;
  readonly onBlock: (transfer: string, offset: number, content: Uint8Array) => void;
  /** What was asked for before is lost. */
  readonly onUp: () => void;
  /** Asking again would not help. Told once. */
  readonly onProblem: (error: NominalError) => void;
}

/** As many blocks as are asked for at once. */
const CONNECTIONS = 4;
/** A connection that brings nothing for so long is given up, ms. */
const IDLE_MS = 15_000;
/** After a server that is away it is rested, ms: doubling up to the largest. */
const BACKOFF = { firstMs: 500, largestMs: 30_000 };
const MOST_REDIRECTS = 3;
/** How Node and OpenSSL call it when the other end is not whom it should be. */
const TLS_CODE = /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO$|HOSTNAME_MISMATCH$)/;

/**
 * The blocks of one file from a web server, a Range request for each. It is to the fetcher what the link over the broker
 * is: a server that is away means `up` is false until it is tried again; what cannot become right is a problem.
 */
export class HttpsSource {
  readonly #options: HttpsSourceOptions;
  readonly #closing = new AbortController();
  #agent: Agent | null = null;
  /** Offsets that are asked for and not answered: a slow answer is waited for, and not asked for beside itself. */
  readonly #asked = new Set<number>();
  #failures = 0;
  #rest: NodeJS.Timeout | undefined;
  #told = false;

  constructor(options: HttpsSourceOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#agent !== null && this.#rest === undefined && !this.#told;
  }

  start(): void {
    void this.#open();
  }

  /** Only while `up`. */
  request(range: ByteRange): void {
    const agent = this.#agent;
    if (agent === null || this.#asked.has(range.offset)) return;
    this.#asked.add(range.offset);
    this.#fetch(range, agent).then(
      (content) => {
        this.#asked.delete(range.offset);
        if (this.#closing.signal.aborted) return;
        this.#failures = 0;
        this.#options.onBlock(range.transfer, range.offset, content);
      },
      (error: unknown) => {
        this.#asked.delete(range.offset);
        this.#failed(error);
      },
    );
  }

  close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#rest);
    this.#agent?.destroy();
    this.#agent = null;
    return Promise.resolve();
  }

  async #open(): Promise<void> {
    const { access, url, onUp } = this.#options;
    try {
      access.check(url);
      const ca = await access.authorities();
      if (this.#closing.signal.aborted) return;
      this.#agent = new Agent({
        ...{ keepAlive: true, maxSockets: CONNECTIONS, minVersion: "TLSv1.2" },
        ca: typeof ca === "string" ? ca : [...ca],
      });
      onUp();
    } catch (error) {
      this.#failed(error);
    }
  }

  async #fetch({ offset, count }: ByteRange, agent: Agent): Promise<Uint8Array> {
    const { access, bytes } = this.#options;
    let url = access.check(this.#options.url);
    for (let hops = 0; ; hops++) {
      const response = await this.#get(url, agent, offset, count);
      const { statusCode = 0, headers } = response;
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
        response.destroy();
        if (hops === MOST_REDIRECTS)
          throw new InputError("https-redirect", `Expected a file but ${url.host} redirects`);
        url = this.#redirected(url, headers.location);
        continue;
      }
      try {
        checkAnswer(response, url, { offset, count, bytes });
      } catch (error) {
        response.destroy();
        throw error;
      }
      return await bodyOf(response, count);
    }
  }

  /** @throws InputError "https-redirect" to another host */
  #redirected(from: URL, location: string): URL {
    const to = URL.canParse(location, from.href) ? new URL(location, from.href) : null;
    if (to !== null && to.origin === from.origin) return this.#options.access.check(to.href);
    const text = `Expected the file on ${from.host} but it redirects to ${to === null ? "nothing" : to.origin}`;
    throw new InputError("https-redirect", text);
  }

  #get(url: URL, agent: Agent, offset: number, count: number): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = { range: `bytes=${offset}-${offset + count - 1}`, "accept-encoding": "identity" };
      const request = httpsRequest(url, { agent, headers, signal: this.#closing.signal }, resolve);
      request.setTimeout(IDLE_MS, () => request.destroy(new Error(`nothing came for ${IDLE_MS / 1_000} s`)));
      request.on("error", reject);
      request.end();
    });
  }

  #failed(error: unknown): void {
    if (this.#closing.signal.aborted || this.#told) return;
    const problem = lastingProblem(error, this.#options.url);
    if (problem !== null) {
      this.#told = true;
      this.#options.onProblem(problem);
      return;
    }
    // Requests that were under way with the first that failed fail too.
    if (this.#rest !== undefined) return;
    const waitMs = Math.min(BACKOFF.largestMs, BACKOFF.firstMs * 2 ** this.#failures);
    const { logger, onUp, url } = this.#options;
    if (this.#failures === 0) logger.warn({ host: new URL(url).host }, `a file's server is away: ${reasonOf(error)}`);
    this.#failures = Math.min(this.#failures + 1, 16);
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      onUp();
    }, waitMs);
  }
}

/** A server that is busy or broken for now is asked again. */
class TransientError extends Error {}

/**
 * @throws InputError "https-no-range", "https-length", "https-range", "https-status"; TransientError
 */
function checkAnswer(
  { statusCode = 0, headers }: IncomingMessage,
  { host }: URL,
  wanted: { readonly offset: number; readonly count: number; readonly bytes: number },
): void {
  const { offset, count, bytes } = wanted;
  const last = offset + count - 1;
  if (statusCode === 429 || statusCode >= 500) throw new TransientError(`${host} answers ${statusCode}`);
  const lengthError = (actual: string): InputError =>
    new InputError("https-length", `Expected a file of ${bytes} bytes on ${host} but it has ${actual}`);
  if (statusCode === 416) throw lengthError("fewer");
  if (statusCode === 200) {
    const text = `Expected ${host} to answer Range requests with 206 but it answers 200 with the whole file`;
    throw new InputError("https-no-range", text);
  }
  if (statusCode !== 206) {
    throw new InputError("https-status", `Expected the file on ${host} but it answers ${statusCode}`);
  }
  const range = headers["content-range"] ?? "";
  const [, from, to, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range) ?? [];
  if (total !== undefined && total !== "*" && total !== String(bytes)) throw lengthError(total);
  if (from !== String(offset) || to !== String(last)) {
    const text = `Expected bytes ${offset} to ${last} of ${host} but received ${range === "" ? "no Content-Range" : range}`;
    throw new InputError("https-range", text);
  }
}

/** @throws InputError "https-range" when more comes than was asked for; TransientError when it breaks off */
async function bodyOf(response: IncomingMessage, count: number): Promise<Uint8Array> {
  const content = new Uint8Array(count);
  let at = 0;
  for await (const piece of response as AsyncIterable<Uint8Array>) {
    if (at + piece.length > count) {
      throw new InputError("https-range", `Expected ${count} bytes but more came`);
    }
    content.set(piece, at);
    at += piece.length;
  }
  if (at < count) throw new TransientError(`${at} of ${count} bytes came`);
  return content;
}

/** @returns null for what may pass */
function lastingProblem(error: unknown, url: string): NominalError | null {
  if (error instanceof InputError || error instanceof DeviceError) return error;
  const code = (error as NodeJS.ErrnoException | null)?.code ?? "";
  if (!TLS_CODE.test(code)) return null;
  const text = `Expected ${new URL(url).host} to have a certificate of delivery.caFile or the system but: ${reasonOf(error)}`;
  return new DeviceError("https-tls", text, { cause: error });
}
