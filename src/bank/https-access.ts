import { readFile } from "node:fs/promises";
import { rootCertificates } from "node:tls";
import { DeviceError, InputError, reasonOf } from "../shared/errors.ts";

export interface HttpsAccessOptions {
  /** `HOST` or `HOST:PORT`, lower case, as the device's own file lists them. */
  readonly hosts: readonly string[];
  /** Certificate authorities, PEM; null: those of the system. */
  readonly caFile: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Where Debian and Red Hat keep the authorities that a person at the device trusts. OpenSSL's variable goes first. */
const SYSTEM_AUTHORITIES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/** From where a device takes files over HTTPS, and whom it believes there. */
export class HttpsAccess {
  readonly #options: HttpsAccessOptions;

  constructor(options: HttpsAccessOptions) {
    this.#options = options;
  }

  /**
   * @param text as it was offered, or as a server redirects to
   * @throws InputError "url-form", "url-scheme", "url-host"
   */
  check(text: string): URL {
    const { hosts } = this.#options;
    if (!URL.canParse(text)) throw new InputError("url-form", `Expected a URL but received ${text}`);
    const url = new URL(text);
    const shown = `${url.protocol}//${url.host}`;
    if (url.protocol !== "https:") throw new InputError("url-scheme", `Expected https:// but received ${shown}`);
    if (url.username !== "" || url.password !== "") {
      throw new InputError("url-form", `Expected a URL without user and password for ${shown} but it has them`);
    }
    if (hosts.includes(url.host)) return url;
    const known = hosts.length === 0 ? "which lists none" : `which lists ${hosts.join(", ")}`;
    throw new InputError("url-host", `Expected a host of delivery.httpsHosts, ${known}, but received ${url.host}`);
  }

  /**
   * Read anew for each transfer, so that a renewed file counts without a restart.
   *
   * @throws DeviceError "https-ca" when the configured file cannot be read
   */
  async authorities(): Promise<string | readonly string[]> {
    const { caFile, environment } = this.#options;
    if (caFile !== null) {
      try {
        return await readFile(caFile, "utf8");
      } catch (cause) {
        const text = `Expected a readable file for delivery.caFile but received ${caFile}: ${reasonOf(cause)}`;
        throw new DeviceError("https-ca", text, { cause });
      }
    }
    const { SSL_CERT_FILE } = environment;
    for (const path of [...(SSL_CERT_FILE === undefined ? [] : [SSL_CERT_FILE]), ...SYSTEM_AUTHORITIES]) {
      try {
        return await readFile(path, "utf8");
      } catch (error) {
        // A system without such a file has its authorities elsewhere.
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
    return rootCertificates;
  }
}
