"""Why the image AUROC of BSData falls when more nominal images are taken: by their number, their place and their time.

    python features.py --cache ALL --backbone lite0=LITE0.onnx --dataset bsdata=BSDATA --train 558 --stages layer2,layer3
    python bsdata.py --cache ALL --out OUT --dataset BSDATA --seed 0 --case given --images 100 --images 0
    python bsdata.py --cache ALL --out OUT --dataset BSDATA --report

The set shows 15 places of one ball screw, each at the same 57 times (names hold time and place). Cases:
given         nominal images drawn from the set's own training images, its own test images
folds         fifteen places in five folds: nominal images of 12 places, all images of the other 3
until-TIME    given, without the nominal images of TIME (yymmdd) and later
without-FILE  given, without the images named in FILE, one a line

Both with 1 % of the patches and with as many rows as 1 % of 100 images has. Number 0 takes all images that a case leaves.
"""

import argparse
import json
import pathlib

import numpy as np
from PIL import Image

from bank import Bank
from embedding_tail import embed
from experiment import RATIO, TRAIN_IMAGES, load
from report import auroc
from variants import VARIANTS, fit_banks

FOLDS = 5


def place(image):
    """"585000_090" of .../01_200902053521_585000_090_crop_2.jpg: position and angle of the screw."""
    return "_".join(pathlib.Path(image["file"]).name.split("_")[2:4])


def time_of(image):
    return pathlib.Path(image["file"]).name.split("_")[1]


def splits(case, images):
    """[(name, indices to draw nominal images from, indices to test)] of a case."""
    everything = range(len(images))
    if case == "folds":
        places = sorted({place(image) for image in images})
        held = [set(places[fold::FOLDS]) for fold in range(FOLDS)]
        return [
            (
                f"folds{fold}",
                [i for i in everything if place(images[i]) not in held[fold] and images[i]["kind"] == "good"],
                [i for i in everything if place(images[i]) in held[fold]],
            )
            for fold in range(FOLDS)
        ]
    train = [i for i in everything if images[i]["split"] == "train"]
    test = [i for i in everything if images[i]["split"] == "test"]
    left_out = set()
    if case.startswith("until-"):
        left_out = {i for i in train if time_of(images[i]) >= case.removeprefix("until-")}
    elif case.startswith("without-"):
        names = set(pathlib.Path(case.removeprefix("without-")).read_text().split())
        left_out = {i for i in train if pathlib.Path(images[i]["file"]).name in names}
        assert len(left_out) == len(names), f"of {len(names)} names {len(left_out)} are training images"
    elif case != "given":
        raise SystemExit(f"no such case: {case}")
    return [(pathlib.Path(case).stem, [i for i in train if i not in left_out], test)]


def truth_of(dataset, image, grid):
    """bool [grid * grid]: the patches that touch the ground truth; none of a nominal image."""
    truth = np.zeros((grid, grid), bool)
    if image["kind"] != "good":
        mask = dataset / "ground_truth" / image["kind"] / f"{pathlib.Path(image['file']).stem}_mask.png"
        with Image.open(mask) as picture:
            rows, cols = np.nonzero(np.asarray(picture.convert("L")))
            truth[rows * grid // picture.height, cols * grid // picture.width] = True
    return truth.ravel()


def score(variant, maps, chosen, test, truths, seed):
    """{"1%", "same"}: for each test image its score, the largest score of a patch on the ground truth (0 without any),
    whether it is that patch that decides, and the training image of the nearest row of the one that does."""
    banks = fit_banks(variant, maps, chosen, seed)
    (nominal,), _ = embed(banks, maps, chosen)
    patches = nominal.shape[1]
    counts = {"1%": int(len(chosen) * patches * RATIO), "same": int(TRAIN_IMAGES * patches * RATIO)}
    bank = Bank(nominal, max(counts.values()), seed)
    del nominal
    found = {rows: {"score": [], "truth": [], "inside": [], "nearest": []} for rows in counts}
    for at in range(0, len(test), 20):
        (parts,), _ = embed(banks, maps, test[at : at + 20])
        for part, truth in zip(parts, truths[at : at + 20]):
            similar, norms = bank.similarities(part)
            for rows, count in counts.items():
                squared = norms - 2 * similar[:, :count].max(axis=1)
                worst = int(squared.argmax())
                row = int(similar[worst, :count].argmax())
                of_truth = float(np.sqrt(max(squared[truth].max(initial=0), 0)))
                largest = float(np.sqrt(max(squared[worst], 0)))
                values = (largest, of_truth, bool(truth[worst]), int(chosen[bank.image[row]]))
                for key, value in zip(found[rows], values):
                    found[rows][key].append(value)
    return found


def run(given):
    variant = VARIANTS[given.variant]
    images, maps = load(given.cache, "lite0", "bsdata", variant.size)
    grid = maps["layer2"].shape[-1]
    jobs = [(seed, case, count) for seed in given.seed for case in given.case for count in given.images]
    for seed, case, count in jobs:
        for name, pool, test in splits(case, images):
            target = given.out / given.variant / name / f"{count}-{seed}.json"
            if target.exists():
                continue
            # The first `count` of one order, so that a larger draw holds the smaller ones.
            order = np.random.default_rng(seed).permutation(pool)
            chosen = np.sort(order[: count or len(order)])
            truths = [truth_of(given.dataset, images[i], grid) for i in test]
            found = score(variant, maps, chosen, np.array(test), truths, seed)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps({"train": chosen.tolist(), "test": list(test), "found": found}))
            print(f"{name} {count or len(pool)} images, seed {seed}", flush=True)


def figures(images, result):
    """What one fit shows, by name."""
    train, test = result["train"], [images[i] for i in result["test"]]
    known = {place(images[i]) for i in train}
    bad = np.array([image["kind"] != "good" for image in test])
    new = np.array([place(image) not in known for image in test])
    row = {"images": len(train)}
    for rows, found in result["found"].items():
        scores = np.array(found["score"])
        row[f"AUROC {rows}"] = 100 * auroc(scores[~bad], scores[bad])
        for name, group in (("known", bad & ~new), ("new", bad & new)):
            if group.any():
                row[f"{name} places {rows}"] = 100 * auroc(scores[~bad], scores[group])
                row[f"score, bad of {name} {rows}"] = float(np.median(scores[group]))
        row[f"score, good {rows}"] = float(np.median(scores[~bad]))
        row[f"defect alone {rows}"] = 100 * auroc(scores[~bad], np.array(found["truth"])[bad])
        inside = np.array(found["inside"])
        row[f"decided by the defect {rows}"] = 100 * float(inside[bad].mean())
        # Their groups are not the same images from fit to fit.
        row[f"AUROC of these {rows}"] = 100 * auroc(scores[~bad], scores[bad & inside])
        row[f"of the others {rows}"] = 100 * auroc(scores[~bad], scores[bad & ~inside])
    return row


def report(given):
    images, _ = load(given.cache, "lite0", "bsdata", VARIANTS[given.variant].size)
    table = {}
    for path in sorted((given.out / given.variant).glob("*/*.json")):
        case = "folds" if path.parent.name.startswith("folds") else path.parent.name
        count = int(path.stem.split("-")[0]) or len(images)
        table.setdefault((case, count), []).append(figures(images, json.loads(path.read_text())))
    for (case, _), rows in sorted(table.items()):
        print(f"{case}, {len(rows)} fits")
        for key in rows[0]:
            values = [row[key] for row in rows if key in row]
            print(f"    {key}: {np.mean(values):.1f} ± {np.std(values):.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--variant", default="mixed2", choices=["mean", "mixed2"])
    parser.add_argument("--seed", type=int, action="append", default=[])
    parser.add_argument("--case", action="append", default=[])
    parser.add_argument("--images", type=int, action="append", default=[])
    parser.add_argument("--dataset", type=pathlib.Path, required=True, help="for the ground truth")
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    report(given) if given.report else run(given)


if __name__ == "__main__":
    main()
