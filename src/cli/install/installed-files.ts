import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DeviceError, InputError, reasonOf } from "../../shared/errors.ts";
import { makeFolder } from "../../shared/make-folder.ts";
import { replaceFile } from "../../shared/replace-file.ts";
import type { PlannedFile } from "./install-plan.ts";

/** What was written by an earlier installation, by digest: so a file that a person changed is told from an old one of ours. */
const RECORD = "/etc/nominald/installed.json";

export interface FileStep {
  readonly what: "write" | "update" | "same" | "keep" | "packaged" | "remove" | "gone";
  readonly path: string;
  readonly why: string;
}

/** Files of an installation below a root folder, compared with what lies there and what was written before. */
export class InstalledFiles {
  readonly #root: string;
  readonly #dryRun: boolean;
  #record: Record<string, string>;

  /** @param root of the installed system, "/" for this one */
  constructor(root: string, dryRun: boolean) {
    this.#root = root;
    this.#dryRun = dryRun;
    this.#record = readRecord(join(root, RECORD));
  }

  /** @returns whether the file comes with the Debian package */
  isPackaged({ packaged }: Pick<PlannedFile, "packaged">): boolean {
    return packaged !== null && existsSync(join(this.#root, packaged));
  }

  install(files: readonly PlannedFile[]): readonly FileStep[] {
    const steps = files.map((file) => this.#put(file));
    const planned = new Set(files.filter((file) => !this.isPackaged(file)).map(({ path }) => path));
    const old = Object.keys(this.#record).filter((path) => !planned.has(path));
    const removed = old.map((path) => this.#remove(path, "no longer needed"));
    this.#save();
    return [...steps, ...removed];
  }

  /** Removes what was written and nobody changed. */
  uninstall(): readonly FileStep[] {
    const steps = Object.keys(this.#record)
      .reverse()
      .map((path) => this.#remove(path, "installed by nominald"));
    if (!this.#dryRun) rmSync(join(this.#root, RECORD), { force: true });
    return steps;
  }

  #put(file: PlannedFile): FileStep {
    const { path, content, kind, why } = file;
    if (this.isPackaged(file)) return { what: "packaged", path: file.packaged ?? path, why };
    const there = this.#read(path);
    if (there === null) return this.#write("write", path, content, kind, why);
    const wanted = digestOf(content);
    if (digestOf(there) === wanted) {
      if (kind === "ours") this.#record[path] = wanted;
      return { what: "same", path, why };
    }
    if (kind === "seed") return { what: "keep", path, why: `${why}, yours` };
    if (this.#record[path] !== digestOf(there)) return { what: "keep", path, why: `${why}, changed by a person` };
    return this.#write("update", path, content, kind, why);
  }

  #write(what: "write" | "update", path: string, content: string, kind: PlannedFile["kind"], why: string): FileStep {
    if (!this.#dryRun) {
      const target = join(this.#root, path);
      try {
        makeFolder(dirname(target), 0o755);
        replaceFile(dirname(target), basename(target), content);
        chmodSync(target, 0o644);
      } catch (cause) {
        throw unwritable(target, cause);
      }
      if (kind === "ours") this.#record[path] = digestOf(content);
    }
    return { what, path, why };
  }

  #remove(path: string, why: string): FileStep {
    const there = this.#read(path);
    const ours = this.#record[path];
    delete this.#record[path];
    if (there === null) return { what: "gone", path, why };
    if (digestOf(there) !== ours) return { what: "keep", path, why: "changed by a person" };
    if (!this.#dryRun) {
      const target = join(this.#root, path);
      try {
        rmSync(target);
      } catch (cause) {
        throw unwritable(target, cause);
      }
      if (path.includes("nominald.service.d/")) removeIfEmpty(dirname(target));
    }
    return { what: "remove", path, why };
  }

  #read(path: string): string | null {
    const target = join(this.#root, path);
    if (!existsSync(target)) return null;
    try {
      return readFileSync(target, "utf8");
    } catch (cause) {
      throw new DeviceError("install-unreadable", `Expected to read ${target} but: ${reasonOf(cause)}`, { cause });
    }
  }

  #save(): void {
    if (this.#dryRun) return;
    const target = join(this.#root, RECORD);
    try {
      makeFolder(dirname(target), 0o755);
      replaceFile(dirname(target), basename(target), `${JSON.stringify(this.#record, null, 2)}\n`);
    } catch (cause) {
      throw unwritable(target, cause);
    }
  }
}

function readRecord(file: string): Record<string, string> {
  if (!existsSync(file)) return {};
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new InputError("install-record", `Expected a JSON record in ${file} but: ${reasonOf(cause)}`, { cause });
  }
  const isRecord =
    typeof value === "object" &&
    value !== null &&
    Object.entries(value).every(([path, digest]) => path.startsWith("/etc/") && typeof digest === "string");
  if (isRecord) return value as Record<string, string>;
  throw new InputError("install-record", `Expected digests of files below /etc in ${file} but received something else`);
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function unwritable(path: string, cause: unknown): DeviceError {
  return new DeviceError("install-unwritable", `Expected to write ${path} but: ${reasonOf(cause)}`, { cause });
}
