"""Tables of what experiment.py found: image AUROC, and the paired bootstrap against the variant "mean".

    python report.py --out DIR --backbone lite0 [--rows 1%] [--json FILE]

An interval is of the mean over the data sets of AUROC(variant) - AUROC(mean), in points: nominal and defective test
images of each set are drawn anew, the same draw for both variants and for all seeds. A variant is accepted when the lower end of its
95 % interval is above 0 and its mean over the seeds falls by more than 0.3 points on no set.
"""

import argparse
import json
import pathlib

import numpy as np
from scipy.stats import rankdata

from variants import VARIANTS

BASE = "mean"
DRAWS = 4_000
LARGEST_LOSS = 0.3


def auroc(good, bad):
    ranks = rankdata(np.concatenate([good, bad]))
    return (ranks[len(good) :].sum() - len(bad) * (len(bad) + 1) / 2) / (len(good) * len(bad))


def wins(good, bad):
    """[bad, good]: 1 where the defective image has the larger score, 1/2 where they are equal."""
    return (bad[:, None] > good[None]).astype(np.float64) + 0.5 * (bad[:, None] == good[None])


def load(out, backbone, rows):
    """{variant: {dataset: {seed: (good scores, bad scores)}}}"""
    found = {}
    for path in sorted((out / backbone).glob("*/*/*.npz")):
        dataset, variant, seed = path.parts[-3], path.parts[-2].replace("_", "/"), int(path.stem)
        with np.load(path) as stored:
            scores, good = stored[f"image-{rows}"], stored["kinds"] == "good"
        found.setdefault(variant, {}).setdefault(dataset, {})[seed] = (scores[good], scores[~good])
    return found


def draws(dataset_index, good, bad):
    """How often each image of a set is drawn, [DRAWS, images] for nominal and defective ones; equal for all variants."""
    generator = np.random.default_rng(dataset_index)
    return [generator.multinomial(n, np.full(n, 1 / n), DRAWS).astype(np.float64) for n in (good, bad)]


def compare(variant, base):
    """Gains in points: {"set": {dataset: (mean, low, high)}, "all": (mean, low, high)}, over the seeds both have."""
    gains, per_set = [], {}
    for i, dataset in enumerate(sorted(variant)):
        seeds = sorted(set(variant[dataset]) & set(base.get(dataset, {})))
        if not seeds:
            return None
        difference = np.mean([wins(*variant[dataset][s]) - wins(*base[dataset][s]) for s in seeds], axis=0)
        bad, good = difference.shape
        of_good, of_bad = draws(i, good, bad)
        drawn = np.einsum("dg,dg->d", of_bad @ difference, of_good) / (good * bad)
        gains.append(drawn * 100)
        per_set[dataset] = (difference.mean() * 100, *np.percentile(gains[-1], [2.5, 97.5]))
    together = np.mean(gains, axis=0)
    overall = (np.mean([gain[0] for gain in per_set.values()]), *np.percentile(together, [2.5, 97.5]))
    return {"set": per_set, "all": overall}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--rows", default="1%", choices=["1%", "2000"])
    parser.add_argument("--json", type=pathlib.Path)
    given = parser.parse_args()
    found = load(given.out, given.backbone, given.rows)
    datasets = sorted({dataset for of_set in found.values() for dataset in of_set})
    table = {}
    print(f"| {given.backbone}, {given.rows} | " + " | ".join(datasets) + " | seeds | gain, 95 % | accepted |")
    print("|---|" + "---|" * (len(datasets) + 3))
    for name in [name for name in VARIANTS if name in found]:
        cells = []
        for dataset in datasets:
            values = [100 * auroc(*scores) for scores in found[name].get(dataset, {}).values()]
            cells.append(f"{np.mean(values):.2f} ± {np.std(values):.2f}" if values else "–")
        compared = compare(found[name], found[BASE]) if name != BASE else None
        seeds = min(len(of_set) for of_set in found[name].values())
        gain, accepted = "", ""
        if compared and len(compared["set"]) == len(datasets):
            mean, low, high = compared["all"]
            gain = f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"
            worst = min(gain[0] for gain in compared["set"].values())
            accepted = "yes" if low > 0 and worst >= -LARGEST_LOSS else "no"
            table[name] = {"gain": [float(v) for v in compared["all"]], "worst": float(worst), "accepted": accepted}
        print(f"| {name} | " + " | ".join(cells) + f" | {seeds} | {gain} | {accepted} |")
    if given.json:
        given.json.write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
