import { createHash } from "node:crypto";
import { createReadStream, rmSync, statfsSync } from "node:fs";
import { open, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { builtInModelsFolder, listBackbones } from "../backbone/find.ts";
import { parseManifest } from "../backbone/manifest.ts";
import type { HttpsAccess } from "../bank/https-access.ts";
import { HttpsSource } from "../bank/https-source.ts";
import { IncomingFile } from "../bank/incoming-file.ts";
import { blockCount, TABLE_ENTRY_BYTES, transferName, type BankOffer, type OfferedFile } from "../bank/offer.ts";
import type { PushedBank } from "../bank/slots.ts";
import type { BlockLink } from "../mqtt/bank-link.ts";
import type { Clock } from "../shared/clock.ts";
import { DeviceError, InputError, NominalError, reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { makeFolder } from "../shared/make-folder.ts";
import { fetchBlocks, type FetchJob, type LinkListener, type TransferJob } from "./fetch-blocks.ts";

export interface ReceiverOptions {
  /** The station's banks; what comes in lies in its folder `incoming`. */
  readonly folder: string;
  /** Where backbones go that came over the broker. */
  readonly modelsFolder: string;
  /** Where the device has others. */
  readonly modelsFolders: readonly string[];
  readonly minFreeBytes: number;
  readonly bytesPerSecond: number;
  readonly link: (listener: LinkListener) => BlockLink;
  /** From where files are taken over HTTPS. */
  readonly https: HttpsAccess;
  readonly logger: Logger;
  readonly isBusy: () => boolean;
  readonly clock: Clock;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

/** Fetches the files of one offer: each block is checked by its digest, each file by its own, and nothing is parsed before. */
export class BankReceiver {
  readonly #options: ReceiverOptions;
  readonly #incoming: string;
  #doneBytes = 0;
  /** Who is told what comes over the link. */
  #listener: LinkListener | null = null;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#incoming = join(options.folder, "incoming");
  }

  /** @throws InputError of `HttpsAccess.check`; DeviceError "disk-full" with figures, before anything is written */
  async check(offer: BankOffer): Promise<readonly OfferedFile[]> {
    const wanted = await this.#wanted(offer);
    for (const { url } of wanted) if (url !== null) this.#options.https.check(url);
    makeFolder(this.#incoming, 0o750);
    const bytes = wanted.reduce((sum, file) => sum + file.bytes, 0);
    const { bavail, bsize } = statfsSync(this.#incoming);
    const needed = bytes + this.#options.minFreeBytes;
    if (bavail * bsize >= needed) return wanted;
    throw new DeviceError(
      "disk-full",
      `Expected ${needed} bytes free for the transfer and what has to stay free but there are ${bavail * bsize}`,
    );
  }

  /**
   * @returns the bank, whole and on the disk
   * @throws InputError "file-damaged", "table-damaged", "bad-manifest", "wrong-backbone"; DeviceError "transfer-write"; the
   *   lasting problems of `HttpsSource`; the signal's reason
   */
  async receive(offer: BankOffer, signal: AbortSignal): Promise<PushedBank> {
    const wanted = await this.check(offer);
    const total = wanted.reduce((sum, file) => sum + file.bytes, 0);
    const sha256 = offer.files.at(-1)?.sha256 ?? "";
    const file = `${transferName(sha256)}.bank`;
    const pushed = { file, bankId: offer.bankId, sha256 };
    // A former run may have been ended when everything was there and not yet told.
    if (wanted.length === 1 && (await digestOf(join(this.#options.folder, file))) === sha256) return pushed;
    this.#doneBytes = 0;
    const link = this.#options.link(this.#hear);
    link.start();
    try {
      const paths = new Map<OfferedFile["kind"], string>();
      const job = { link, blockBytes: offer.blockBytes, total, signal };
      for (const one of wanted) paths.set(one.kind, await this.#fetch(one, job));
      signal.throwIfAborted();
      const [manifest, model] = [paths.get("backbone-manifest"), paths.get("backbone-model")];
      if (manifest !== undefined && model !== undefined) await this.#installBackbone(manifest, model, offer);
      const bank = paths.get("bank");
      if (bank === undefined) throw new InputError("offer-form", "Expected a bank among the offered files");
      await moveSynced(bank, join(this.#options.folder, file));
      this.discard();
      return pushed;
    } catch (error) {
      if (signal.aborted || error instanceof NominalError) throw error;
      throw new DeviceError("transfer-write", `Expected to write what comes in but received: ${reasonOf(error)}`, {
        cause: error,
      });
    } finally {
      await link.close();
    }
  }

  readonly #hear: LinkListener = {
    onUp: () => this.#listener?.onUp(),
    onBlock: (transfer, offset, content) => this.#listener?.onBlock(transfer, offset, content),
    onProblem: (error) => this.#listener?.onProblem(error),
  };

  /** Removes what has come so far. */
  discard(): void {
    rmSync(this.#incoming, { recursive: true, force: true });
  }

  /** A backbone that the device has is not sent again. */
  async #wanted({ files, backboneSha256 }: BankOffer): Promise<readonly OfferedFile[]> {
    const { modelsFolder, modelsFolders } = this.#options;
    const found = await listBackbones([...modelsFolders, modelsFolder, builtInModelsFolder()]);
    const isThere = found.some((one) => "manifest" in one && one.manifest.sha256 === backboneSha256);
    const wanted = isThere ? files.filter(({ kind }) => kind === "bank") : files;
    if (!isThere && wanted.length === 1) {
      const text = `Expected backbone ${backboneSha256} on the device or in the offer but it is in neither`;
      throw new InputError("wrong-backbone", text);
    }
    return wanted;
  }

  async #fetch(file: OfferedFile, job: TransferJob): Promise<string> {
    const { blockBytes, total } = job;
    const table = await this.#fetchTable(file, job);
    const incoming = await IncomingFile.open({ ...file, folder: this.#incoming, blockBytes, table });
    try {
      const done = (): number => Math.min(file.bytes, (incoming.blocks - incoming.missing) * blockBytes);
      const report = (): void => this.#options.onProgress(this.#doneBytes + done(), total);
      report();
      await this.#fetchFrom(file, {
        ...job,
        transfer: transferName(file.sha256),
        blocks: incoming.blocks,
        lengthOf: (block) => incoming.lengthOf(block),
        has: (block) => incoming.has(block),
        isComplete: () => incoming.missing === 0,
        put: async (block, content) => {
          if (await incoming.put(block, content)) report();
        },
      });
      await incoming.verify();
      this.#doneBytes += file.bytes;
    } finally {
      await incoming.close();
    }
    return incoming.path;
  }

  /** Over the broker, or from the file's own server. */
  async #fetchFrom({ url, bytes }: OfferedFile, job: FetchJob): Promise<void> {
    if (url === null || job.isComplete()) return this.#fetchBlocks(job);
    const { https: access, logger } = this.#options;
    const link = new HttpsSource({ access, url, bytes, logger, ...this.#hear });
    link.start();
    try {
      await this.#fetchBlocks({ ...job, link });
    } finally {
      await link.close();
    }
  }

  async #fetchTable(file: OfferedFile, job: TransferJob): Promise<Uint8Array> {
    const bytes = blockCount(file.bytes, job.blockBytes) * TABLE_ENTRY_BYTES;
    const path = join(this.#incoming, `${transferName(file.tableSha256)}.table`);
    // A former run's: with it the rest can come from a web server while nobody sends over the broker.
    if ((await digestOf(path)) === file.tableSha256) return readFile(path);
    let table: Uint8Array | null = null;
    await this.#fetchBlocks({
      ...job,
      transfer: transferName(file.tableSha256),
      blocks: 1,
      blockBytes: bytes,
      lengthOf: () => bytes,
      has: () => table !== null,
      isComplete: () => table !== null,
      put: async (_block, content) => {
        const sha256 = createHash("sha256").update(content).digest("hex");
        if (content.length !== bytes || sha256 !== file.tableSha256) {
          throw new InputError(
            "block-damaged",
            `Expected a table with SHA-256 ${file.tableSha256} but it has ${sha256}`,
          );
        }
        table = Uint8Array.from(content);
      },
    });
    const whole = table ?? new Uint8Array(0);
    await writeFile(path, whole, { mode: 0o600 });
    return whole;
  }

  #fetchBlocks(job: FetchJob): Promise<void> {
    return fetchBlocks(job, this.#options, (listener) => void (this.#listener = listener));
  }

  /** Both files are whole and have their digests, so the manifest may be read. */
  async #installBackbone(manifestPath: string, modelPath: string, offer: BankOffer): Promise<void> {
    const manifest = parseManifest(await readFile(manifestPath, "utf8"), "the offered backbone");
    const model = offer.files.find(({ kind }) => kind === "backbone-model")?.sha256;
    if (manifest.sha256 !== offer.backboneSha256 || model !== offer.backboneSha256) {
      const text = `Expected backbone ${offer.backboneSha256} but the manifest names ${manifest.sha256} and the model is ${model}`;
      throw new InputError("wrong-backbone", text);
    }
    const folder = join(this.#options.modelsFolder, transferName(manifest.sha256));
    rmSync(folder, { recursive: true, force: true });
    makeFolder(folder, 0o750);
    // The manifest last: without it there is no backbone in the folder.
    await moveSynced(modelPath, join(folder, manifest.file));
    await moveSynced(manifestPath, join(folder, "manifest.json"));
  }
}

/** @returns null when there is no such file */
async function digestOf(path: string): Promise<string | null> {
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  return hash.digest("hex");
}

async function moveSynced(from: string, to: string): Promise<void> {
  await rename(from, to);
  const folder = await open(dirname(to), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
