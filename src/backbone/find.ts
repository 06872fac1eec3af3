import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError, reasonOf } from "../shared/errors.ts";
import { loadBackbone, readManifest, type BackboneFiles, type BackboneManifest } from "./manifest.ts";

/** Which backbone is wanted. With `sha256` the bytes decide and the name only labels; without it the name decides. */
export type WantedBackbone =
  { readonly sha256: string; readonly name?: string } | { readonly name: string; readonly sha256?: undefined };

/** What a models folder holds under one name: a manifest, or the reason why it is none. */
export type FoundBackbone =
  | { readonly manifestPath: string; readonly manifest: BackboneManifest }
  | { readonly manifestPath: string; readonly problem: string };

/** @returns the folder of the backbones that come with nominald */
export function builtInModelsFolder(): string {
  // src/backbone and dist/backbone lie equally deep below the folder that holds models/.
  return fileURLToPath(new URL("../../models", import.meta.url));
}

/** @returns every `<folder>/<name>/manifest.json`, by folder in the order given, then by name */
export async function listBackbones(folders: readonly string[]): Promise<FoundBackbone[]> {
  const found: FoundBackbone[] = [];
  for (const folder of new Set(folders)) found.push(...(await listFolder(folder)));
  return found;
}

async function listFolder(folder: string): Promise<FoundBackbone[]> {
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => !name.startsWith("."));
  } catch (error) {
    return [{ manifestPath: folder, problem: reasonOf(error) }];
  }
  const found: FoundBackbone[] = [];
  for (const name of names.sort()) {
    const manifestPath = join(folder, name, "manifest.json");
    try {
      found.push({ manifestPath, manifest: await readManifest(manifestPath) });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      // Files and folders without a manifest are no backbones; a broken manifest is worth telling.
      if (error.code !== "unreadable-manifest") found.push({ manifestPath, problem: error.message });
    }
  }
  return found;
}

/**
 * @param folders searched in this order; the first backbone that fits is taken
 * @throws InputError "wrong-backbone" that says what is wanted and what was found; the errors of `loadBackbone`
 */
export async function findBackbone(folders: readonly string[], wanted: WantedBackbone): Promise<BackboneFiles> {
  const found = await listBackbones(folders);
  for (const one of found) {
    if (!("manifest" in one)) continue;
    const { name, sha256 } = one.manifest;
    if (wanted.sha256 === undefined ? name === wanted.name : sha256 === wanted.sha256)
      return await loadBackbone(one.manifestPath);
  }
  const what = [wanted.name, wanted.sha256 === undefined ? undefined : `with SHA-256 ${wanted.sha256}`];
  const where = folders.length === 0 ? "no folder at all" : folders.join(", ");
  const list = found.length === 0 ? " none" : found.map((one) => `\n  ${lineOf(one)}`).join("");
  throw new InputError(
    "wrong-backbone",
    `Expected backbone ${what.filter(Boolean).join(" ")} in ${where} but found:${list}`,
  );
}

function lineOf(one: FoundBackbone): string {
  if ("problem" in one) return `${one.manifestPath}: ${one.problem}`;
  return `${one.manifestPath}: ${one.manifest.name} with SHA-256 ${one.manifest.sha256}`;
}
