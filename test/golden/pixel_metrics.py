"""Golden vectors of the pixel metrics, from scikit-learn, SciPy and NumPy.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python pixel_metrics.py            # writes beside this file
    venv/bin/python pixel_metrics.py --check    # recomputes, compares with the files, writes nothing

PRO is computed as its definition reads (Bergmann et al., IJCV 2021, section 5.2): for every distinct threshold the mean
over all connected regions of the share that is found, over the share of nominal pixels that are found; the trapezoidal
area up to a false-positive rate of 0.3, divided by 0.3. Our program sums over pixels instead and never builds the curve.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import scipy.ndimage
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

HERE = pathlib.Path(__file__).parent
SEED = 51
HEIGHT, WIDTH = 24, 31
LIMIT = 0.3


def ground_truth(rng):
    """Six images: two nominal, one whose mask is empty, three with regions that touch by corners, sides and not at all."""
    masks = np.zeros((6, HEIGHT, WIDTH), np.uint8)
    masks[3, 2:7, 3:9] = 255
    masks[3, 7:10, 9:12] = 255  # touches the block above by a corner alone: one region
    masks[3, 20:23, 25:31] = 255
    masks[4, 10, :] = 255
    masks[4, 12, ::2] = 255  # single pixels, each a region of its own
    masks[5] = np.where(rng.uniform(0, 1, (HEIGHT, WIDTH)) < 0.15, 255, 0)
    return masks


def maps_of(rng, masks):
    """Smooth noise, higher on defects; one decimal, so that many pixels tie across both classes."""
    noise = scipy.ndimage.gaussian_filter(rng.normal(0, 3, masks.shape), (0, 1.5, 1.5))
    lift = scipy.ndimage.gaussian_filter((masks > 0).astype(float), (0, 1, 1))
    return np.round(2 + noise + lift, 1).astype(np.float32)


def pro(maps, masks):
    thresholds = np.unique(maps)[::-1]
    eight = np.ones((3, 3), int)
    regions = []
    for i, mask in enumerate(masks):
        labels, count = scipy.ndimage.label(mask > 0, structure=eight)
        regions += [maps[i][labels == r] for r in range(1, count + 1)]
    nominal = maps[masks == 0]
    rates = np.array([0.0] + [float((nominal >= t).mean()) for t in thresholds])
    overlaps = np.array([0.0] + [float(np.mean([(region >= t).mean() for region in regions])) for t in thresholds])
    inside = rates <= LIMIT
    x = np.append(rates[inside], LIMIT)
    y = np.append(overlaps[inside], np.interp(LIMIT, *last_of_equals(rates, overlaps)))
    return float(np.trapezoid(y, x) / LIMIT), len(regions)


def last_of_equals(x, y):
    """np.interp wants ascending x; where several thresholds share a rate the curve stands at the last one's height."""
    keep = np.append(np.diff(x) > 0, True)
    return x[keep], y[keep]


def compute():
    rng = np.random.default_rng(SEED)
    masks = ground_truth(rng)
    maps = maps_of(rng, masks)
    labels = (masks > 0).ravel()
    area, regions = pro(maps, masks)
    anomalous = slice(2, None)
    image_scores = maps.reshape(len(maps), -1).max(1)
    image_labels = np.array([0, 0, 1, 1, 1, 1])
    false_positives, true_positives, thresholds = roc_curve(image_labels, image_scores, drop_intermediate=False)
    scalars = dict(
        seed=SEED, height=HEIGHT, width=WIDTH, limit=LIMIT, regions=regions,
        auroc=float(roc_auc_score(labels, maps.ravel())),
        auroc_anomalous=float(roc_auc_score((masks[anomalous] > 0).ravel(), maps[anomalous].ravel())),
        average_precision=float(average_precision_score(labels, maps.ravel())),
        pro=area,
        roc=dict(false_positives=false_positives.tolist(), true_positives=true_positives.tolist(), thresholds=thresholds[1:].tolist()),
    )  # fmt: skip
    return dict(pixel_maps=maps, pixel_masks=masks), scalars


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the files, write nothing")
    check = parser.parse_args().check
    arrays, scalars = compute()
    path = HERE / "pixel-metrics.json"
    if check:
        there = json.loads(path.read_text())
        wrong = [name for name, value in arrays.items() if not np.array_equal(np.load(HERE / f"{name}.npy"), value)]
        wrong += [key for key, value in scalars.items() if not isinstance(value, dict) and not np.isclose(there[key], value, rtol=1e-12)]
        print("all vectors agree" if not wrong else f"different: {', '.join(wrong)}")
        sys.exit(1 if wrong else 0)
    for name, value in arrays.items():
        np.save(HERE / f"{name}.npy", np.ascontiguousarray(value))
    path.write_text(json.dumps(scalars, indent=1) + "\n")


if __name__ == "__main__":
    main()
