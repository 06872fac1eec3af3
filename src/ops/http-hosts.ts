import { isIPv6 } from "node:net";

/** Names by which every device knows itself. */
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
/** A name or address, and a port or none. User names, paths and spaces do not fit. */
const HOST = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
const ORIGIN = /^https?:\/\/(.+)$/i;

/**
 * The names by which the server may be asked for. A page of another site can make a name of its own point to this
 * device (DNS rebinding); the browser then sends that name, which is not one of these.
 */
export class HttpHosts {
  readonly #names: ReadonlySet<string>;

  /**
   * @param address that the server listens on
   * @param names further ones, of the configuration
   */
  constructor(address: string, names: readonly string[]) {
    const own = isIPv6(address) ? `[${address}]` : address;
    this.#names = new Set([...LOOPBACK, own, ...names].map(normalised));
  }

  /** @param host a Host header; any port will do, since a proxy or a tunnel may have another */
  allows(host: string): boolean {
    const name = HOST.exec(host)?.[1];
    return name !== undefined && this.#names.has(normalised(name));
  }

  /** @param origin an Origin header; `null`, which a page without an origin of its own sends, is not allowed */
  allowsOrigin(origin: string): boolean {
    const host = ORIGIN.exec(origin)?.[1];
    return host !== undefined && this.allows(host);
  }
}

function normalised(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
