"""What the detail does to the anomaly maps: pixel AUROC and PRO of the program itself, without and with it.

    python maps.py --out OUT --dataset bsdata=BSDATA --dataset demo=DEMO --seed 0 --seed 1 --seed 2 -- node ../../../dist/main.js

A seed draws the same 100 nominal images as in experiment.py, and the coreset's projection. What follows `--` is the
program; both banks of a draw are fitted and evaluated by it, one thread. Prints each figure of both, and the difference,
as mean and standard deviation over the seeds, in points. Evaluations that are there are not made again.
"""

import argparse
import json
import pathlib
import subprocess

import numpy as np

from experiment import TRAIN_IMAGES
from features import list_images, pairs

CACHED_IMAGES = 150
KINDS = {"mean": ["--detail", "none"], "mixed2": []}
METRICS = {
    "imageAuroc": "image AUROC",
    "pixelAurocAnomalous": "pixel AUROC, anomalous images",
    "pixelAuroc": "pixel AUROC, all images",
    "pro": "PRO (0.3)",
}


def draw(root, seed, folder):
    """Links to the nominal images of a seed."""
    train = [image for image in list_images(root, CACHED_IMAGES) if image["split"] == "train"]
    count = min(TRAIN_IMAGES, len(train))
    chosen = np.sort(np.random.default_rng(seed).choice(len(train), count, replace=False))
    folder.mkdir(parents=True, exist_ok=True)
    for i in chosen:
        source = pathlib.Path(train[i]["file"]).resolve()
        link = folder / source.name
        if not link.is_symlink():
            link.symlink_to(source)


def evaluate(program, root, folder, kind, seed):
    """The program's evaluation of a bank of one kind, as `eval --json` prints it."""
    target = folder / f"{kind}.json"
    if not target.exists():
        draw(root, seed, folder / "good")
        bank = folder / f"{kind}.bank"
        fit = ["fit", "--images", folder / "good", "--out", bank, "--seed", seed, "--index", "exact", "--no-report"]
        subprocess.run([*program, *map(str, fit), "--threads", "1", *KINDS[kind]], check=True, stdout=subprocess.DEVNULL)
        score = ["eval", "--bank", bank, "--dataset", root, "--json", "--no-approximation", "--threads", "1"]
        found = subprocess.run([*program, *map(str, score)], check=True, stdout=subprocess.PIPE)
        json.loads(found.stdout)
        target.write_bytes(found.stdout)
        print(f"{target} written", flush=True)
    return json.loads(target.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--dataset", action="append", required=True, help="NAME=DIR")
    parser.add_argument("--seed", type=int, action="append", required=True)
    parser.add_argument("program", nargs="+", help="the program, after --")
    given = parser.parse_args()
    rows = []
    for name, root in pairs(given.dataset):
        found = {kind: [] for kind in KINDS}
        for seed in given.seed:
            for kind in KINDS:
                folder = given.out / name / str(seed)
                found[kind].append(evaluate(given.program, pathlib.Path(root), folder, kind, seed))
        for metric, title in METRICS.items():
            mean, mixed = (np.array([result[metric] * 100 for result in found[kind]]) for kind in KINDS)
            cells = [f"{values.mean():.2f} ± {values.std():.2f}" for values in (mean, mixed)]
            change = mixed - mean
            rows.append(f"| {name} | {title} | {' | '.join(cells)} | {change.mean():+.2f} ± {change.std():.2f} |")
    print("| data set | figure | mean | mixed2 | change |")
    print("|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
