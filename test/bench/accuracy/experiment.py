"""Scores the test images of the cached data sets with the named variants.

    python experiment.py --cache DIR --out DIR --backbone lite0 --dataset bsdata --seed 0 --variant mean --variant conv-0

A seed draws the training images, the samples that transforms are fitted on, and the coreset's projection. Writes
{out}/{backbone}/{dataset}/{variant}/{seed}.npz: image scores and patch scores at a bank of 1 % and of 2,000 rows.
Results that are there are not computed again.
"""

import argparse
import json
import pathlib
import time

import numpy as np

from bank import Bank
from embedding_tail import embed
from variants import ORDER, VARIANTS, fit_banks, fit_matrix

TRAIN_IMAGES = 100
FIXED_ROWS = 2_000
RATIO = 0.01
CHUNK = 50
# Median absolute deviation to standard deviation of a normal distribution.
MAD_TO_SIGMA = 1.4826


def load(cache, backbone, dataset, size):
    folder = cache / backbone / dataset / str(size)
    images = json.loads((folder / "images.json").read_text())
    maps = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    return images, maps


def stretch(scores, rows, cols, factor):
    """[images, rows * cols] to the finer grid, bilinear with half pixels, edges repeated."""
    if factor == 1:
        return scores
    matrices = []
    for count in (rows, cols):
        at = (np.arange(count * factor) + 0.5) / factor - 0.5
        low = np.floor(at).astype(int)
        matrix = np.zeros((count * factor, count), np.float32)
        np.add.at(matrix, (np.arange(count * factor), np.clip(low, 0, count - 1)), 1 - (at - low))
        np.add.at(matrix, (np.arange(count * factor), np.clip(low + 1, 0, count - 1)), at - low)
        matrices.append(matrix)
    fine = np.einsum("ya,iab,xb->iyx", matrices[0], scores.reshape(-1, rows, cols), matrices[1], optimize=True)
    return fine.reshape(len(scores), -1)


def mean_of_nine(scores, rows, cols):
    """Each patch's score averaged with its neighbours that lie in the grid."""
    padded = np.pad(scores.reshape(-1, rows, cols), ((0, 0), (1, 1), (1, 1)))
    inside = np.pad(np.ones((rows, cols), np.float32), 1)
    total, count = 0, 0
    for y in range(3):
        for x in range(3):
            total = total + padded[:, y : y + rows, x : x + cols]
            count = count + inside[y : y + rows, x : x + cols]
    return (total / count).reshape(len(scores), -1)


class Scorer:
    """Patch scores of one bank at one number of rows, normalised where the variant says so."""

    def __init__(self, bank, count, variant, nominal):
        self.bank, self.count, self.variant = bank, min(count, len(bank.rows)), variant
        self.radius, self.middle, self.spread = None, 0.0, 1.0
        if variant.density:
            self.radius, _ = bank.radii(nominal, self.count)
        if variant.apart:
            own = self.score(nominal, np.arange(len(nominal)))
            self.middle = float(np.median(own))
            self.spread = float(np.median(np.abs(own - self.middle))) * MAD_TO_SIGMA

    def score(self, images, own=None):
        distances, nearest = self.bank.nearest(images, self.count, own)
        return distances if self.radius is None else distances / self.radius[nearest]

    def __call__(self, images):
        return (self.score(images) - self.middle) / self.spread


def run(variant, images, maps, seed, all_patches):
    """{"1%", "2000"}: patch scores [test images, patches] of the variant (the largest alone, [test images, 1], where
    that is all that is asked for and quicker), and what the banks hold."""
    maps = {stage: maps[stage] for stage in {*variant.stages, "layer2", "layer3"} if stage in maps}
    train = np.array([i for i, image in enumerate(images) if image["split"] == "train"])
    test = np.array([i for i, image in enumerate(images) if image["split"] == "test"])
    chosen = np.sort(np.random.default_rng(seed).choice(train, min(TRAIN_IMAGES, len(train)), replace=False))
    banks = fit_banks(variant, maps, chosen, seed)
    nominal, grids = embed(banks, maps, chosen)
    if variant.joint_alpha is not None:
        banks[0]["matrix"] = fit_matrix(variant, nominal[0], seed)
        nominal[0] = nominal[0] @ banks[0]["matrix"]
    counts = [{"1%": int(len(part) * part.shape[1] * RATIO), "2000": FIXED_ROWS} for part in nominal]
    built = [Bank(part, max(count.values()), seed) for part, count in zip(nominal, counts)]
    plain = not (variant.apart or variant.density)
    scorers = None
    if not plain:
        scorers = {
            name: [Scorer(bank, count[name], variant, part) for bank, count, part in zip(built, counts, nominal)]
            for name in counts[0]
        }
    info = [
        {"rows": count, "dims": part.shape[2], "grid": [int(g) for g in grid]}
        for count, part, grid in zip(counts, nominal, grids)
    ]
    del nominal
    found = {name: [] for name in counts[0]}
    for at in range(0, len(test), CHUNK):
        parts, _ = embed(banks, maps, test[at : at + CHUNK])
        if plain:
            wanted = list(counts[0].values())
            whole = all_patches or variant.mean_scores
            scores = built[0].distances(parts[0], wanted) if whole else built[0].largest(parts[0], wanted)[..., None]
            for name, of_count in zip(counts[0], scores):
                found[name].append(mean_of_nine(of_count, *grids[0]) if variant.mean_scores else of_count)
            continue
        for name, of_banks in scorers.items():
            strides = [ORDER[bank["branches"][0]["stage"]] for bank in banks]
            factors = [stride // strides[0] for stride in strides]
            maps_of = [
                stretch(scorer(part), *grid, factor)
                for scorer, part, grid, factor in zip(of_banks, parts, grids, factors)
            ]
            found[name].append(np.sum(maps_of, axis=0))
    return {name: np.concatenate(parts) for name, parts in found.items()}, info


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--backbone", action="append", required=True)
    parser.add_argument("--dataset", action="append", required=True)
    parser.add_argument("--seed", type=int, action="append", required=True)
    parser.add_argument("--variant", action="append", required=True, choices=list(VARIANTS))
    parser.add_argument("--patches", action="store_true", help="keep all patch scores, for pixel metrics")
    given = parser.parse_args()
    jobs = [
        (backbone, seed, variant, dataset)
        for seed in given.seed
        for backbone in given.backbone
        for variant in given.variant
        for dataset in given.dataset
    ]
    for backbone, seed, name, dataset in jobs:
        target = given.out / backbone / dataset / name.replace("/", "_") / f"{seed}.npz"
        if target.exists():
            continue
        begun, cpu = time.time(), time.process_time()
        variant = VARIANTS[name]
        images, maps = load(given.cache, backbone, dataset, variant.size)
        scores, info = run(variant, images, maps, seed, given.patches)
        target.parent.mkdir(parents=True, exist_ok=True)
        test = [image for image in images if image["split"] == "test"]
        arrays = {f"image-{rows}": values.max(axis=1) for rows, values in scores.items()}
        arrays |= {f"patch-{rows}": values.astype(np.float16) for rows, values in scores.items()}
        arrays |= {key + "s": np.array([image[key] for image in test]) for key in ("kind", "file")}
        np.savez(target, info=json.dumps(info), **arrays)
        spent = f"{time.time() - begun:.0f} s, {time.process_time() - cpu:.0f} s of CPU"
        print(f"{backbone} {dataset} {name} seed {seed}: {spent}", flush=True)


if __name__ == "__main__":
    main()
