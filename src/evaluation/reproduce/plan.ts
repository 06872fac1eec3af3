import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { listBackbones } from "../../backbone/find.ts";
import type { BackboneManifest } from "../../backbone/manifest.ts";
import type { BankParameters } from "../../bank/manifest.ts";
import { InputError, reasonOf } from "../../shared/errors.ts";
import type { LabelledSet } from "../labelled-images.ts";
import { listTrainImages, readMvtecFolder } from "../mvtec-folder.ts";
import { trainingSubset, type Fraction } from "./training-subset.ts";
import { parametersOf, type AblationValue, type Basis } from "./variant.ts";

export interface ReproduceOptions {
  /** Holds a folder in MVTec's layout for each class. */
  readonly root: string;
  /** null: every folder of the root that has train/good. */
  readonly classes: readonly string[] | null;
  readonly backbones: readonly string[];
  readonly modelsFolders: readonly string[];
  readonly fractions: readonly Fraction[];
  readonly subset: "first" | "random";
  readonly basis: Basis;
  readonly ablations: readonly AblationValue[];
}

/** One fit and one evaluation. */
export interface Cell {
  /** Unique, fit for a file's name. */
  readonly key: string;
  readonly className: string;
  readonly backbone: BackboneManifest;
  readonly manifestPath: string;
  readonly fraction: Fraction;
  /** What an ablation changes; null: the tables' own setting. */
  readonly ablation: AblationValue | null;
  readonly parameters: BankParameters;
  readonly train: readonly string[];
  readonly test: LabelledSet;
  /** SHA-256 over all that the result depends on; a stored result with another one is not this cell's. */
  readonly fingerprint: string;
}

/**
 * Lists every cell of a run, before the first is begun: a backbone or a class that is not there, or parameters that do
 * not fit each other, should not show after hours.
 *
 * @returns cells of one backbone together, and of one class within it
 * @throws InputError "wrong-backbone", "no-classes", "mvtec-layout", "no-images"; ConfigError "bank-parameters"
 */
export async function planCells(options: ReproduceOptions): Promise<readonly Cell[]> {
  const { root, backbones, fractions, subset, basis, ablations } = options;
  const classes = options.classes ?? (await listClasses(root));
  const sets = new Map<string, ClassSet>();
  for (const name of classes) sets.set(name, await readClass(join(root, name)));
  const cells: Cell[] = [];
  for (const { manifest, manifestPath } of await findAll(options.modelsFolders, backbones)) {
    const settings: { fraction: Fraction; ablation: AblationValue | null }[] = [
      ...fractions.map((fraction) => ({ fraction, ablation: null })),
      // Ablations are made on the first of the fractions.
      ...ablations.map((ablation) => ({ fraction: fractions[0] ?? 1, ablation })),
    ];
    // Class by class: settings that differ in the bank alone share the embeddings of the class.
    for (const [className, set] of sets) {
      for (const { fraction, ablation } of settings) {
        const parameters = parametersOf(basis, manifest, ablation);
        const train = trainingSubset(set.train, fraction, subset, basis.seed);
        const work = { className, backbone: manifest, manifestPath, fraction, ablation, parameters };
        // A value that is the basis' own gives the cell of the tables again; its result is then there already.
        cells.push(cellOf({ ...work, train, test: set.test }, join(root, className), set.sizes));
      }
    }
  }
  return cells;
}

interface ClassSet {
  readonly train: readonly string[];
  readonly test: LabelledSet;
  /** Size in bytes by path. */
  readonly sizes: ReadonlyMap<string, number>;
}

async function readClass(folder: string): Promise<ClassSet> {
  const train = await listTrainImages(folder);
  const test = await readMvtecFolder(folder);
  const files = [...train, ...test.images.flatMap(({ file, mask }) => (mask === null ? [file] : [file, mask]))];
  const sizes = new Map<string, number>();
  for (const file of files) sizes.set(file, (await stat(file)).size);
  return { train, test, sizes };
}

function cellOf(work: Omit<Cell, "key" | "fingerprint">, folder: string, sizes: ReadonlyMap<string, number>): Cell {
  const { className, backbone, fraction, parameters, train, test } = work;
  const named = (file: string): string => `${relative(folder, file)} ${sizes.get(file) ?? 0}`;
  const tested = test.images.map(({ file, mask }) => `${named(file)}${mask === null ? "" : ` ${named(mask)}`}`);
  const fingerprint = digestOf({ parameters, backbone: backbone.sha256, train: train.map(named), test: tested });
  // The digest of the parameters and images tells settings apart; the rest of the name is for people.
  const key = [className, backbone.name, fraction, fingerprint.slice(0, 12)].join("_");
  return { ...work, key: key.replaceAll(/[^0-9A-Za-z._-]/g, "-"), fingerprint };
}

function digestOf(value: object): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

/** @throws InputError "wrong-backbone" that names every one that is missing */
async function findAll(
  folders: readonly string[],
  names: readonly string[],
): Promise<{ readonly manifest: BackboneManifest; readonly manifestPath: string }[]> {
  const there = await listBackbones(folders);
  const found = names.map((name) => there.find((one) => "manifest" in one && one.manifest.name === name));
  const missing = names.filter((_, i) => found[i] === undefined);
  if (missing.length > 0) {
    const known = there.map((one) => ("manifest" in one ? one.manifest.name : `${one.manifestPath} (${one.problem})`));
    const text = `Expected the backbones ${missing.join(", ")} in ${folders.join(", ")} but found ${known.join(", ") || "none"}; models/export makes them from weights that you supply`;
    throw new InputError("wrong-backbone", text);
  }
  return found.flatMap((one) => (one !== undefined && "manifest" in one ? [one] : []));
}

/** @throws InputError "no-classes" */
async function listClasses(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((cause: unknown) => {
    throw new InputError("no-classes", `Expected a folder of classes in ${root} but ${reasonOf(cause)}`, { cause });
  });
  const names: string[] = [];
  for (const { name } of entries) {
    // What cannot be looked at is no class; when none is left, that is said.
    const folder = await stat(join(root, name, "train", "good")).catch(() => undefined);
    if (!name.startsWith(".") && folder?.isDirectory() === true) names.push(name);
  }
  if (names.length === 0) {
    const text = `Expected folders in MVTec's layout (CLASS/train/good, CLASS/test) in ${root} but none of its ${entries.length} entries is one`;
    throw new InputError("no-classes", text);
  }
  return names.sort();
}
