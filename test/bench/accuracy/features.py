"""Feature maps of whole data sets, computed once and kept on the disk as float16.

    python features.py --cache DIR --backbone NAME=FILE --dataset NAME=DIR [--size 320] [--train 150]

A data set has MVTec layout (train/good, test/<kind>, ground_truth/<kind>). Of the training images `--train` are taken,
spread evenly over the sorted files; a seed of an experiment later draws from these. All test images are taken.
Every image is stretched whole to size x size, as the preset `edge` does (no crop).
"""

import argparse
import json
import pathlib

import numpy as np
import onnxruntime
from PIL import Image

PICTURES = {".png", ".jpg", ".jpeg", ".bmp"}
# What each backbone expects of an RGB picture in 0-255, and its names of the stages.
BACKBONES = {
    "lite0": {
        "mean": [127.0] * 3,
        "std": [128.0] * 3,
        "outputs": {"layer2": "layer2", "layer3": "layer3", "expand2": "expand2", "expand3": "expand3"},
    },
    "mobilenetv2": {
        "mean": [127.5] * 3,
        "std": [127.5] * 3,
        "outputs": {"layer2": "layer2", "layer3": "layer3", "expand2": "layer2_expand", "expand3": "layer3_expand"},
    },
    "resnet18": {
        "mean": [123.675, 116.28, 103.53],
        "std": [58.395, 57.12, 57.375],
        "outputs": {"layer2": "layer2", "layer3": "layer3"},
    },
}


def pictures(folder):
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)


def list_images(root, train):
    """[{split, kind, file}]: `train` nominal images spread evenly over the sorted ones, then all test images."""
    good = pictures(root / "train" / "good")
    chosen = sorted({round(i) for i in np.linspace(0, len(good) - 1, min(train, len(good)))})
    images = [{"split": "train", "kind": "good", "file": str(good[i])} for i in chosen]
    for kind in sorted(path for path in (root / "test").iterdir() if path.is_dir()):
        images += [{"split": "test", "kind": kind.name, "file": str(path)} for path in pictures(kind)]
    return images


def load_picture(file, size, spec):
    """float32 [1, 3, size, size], normalised for the backbone."""
    with Image.open(file) as picture:
        levels = picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    values = (np.asarray(levels, np.float32) - np.float32(spec["mean"])) / np.float32(spec["std"])
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def one_thread():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def extract(cache, backbone, model, dataset, root, size, train, wanted):
    """Writes {cache}/{backbone}/{dataset}/{size}/{stage}.npy, float16 [images, channels, rows, cols], and images.json."""
    folder = cache / backbone / dataset / str(size)
    if (folder / "images.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    spec = BACKBONES[backbone]
    outputs = {stage: name for stage, name in spec["outputs"].items() if stage in wanted}
    session = onnxruntime.InferenceSession(str(model), one_thread(), providers=["CPUExecutionProvider"])
    images = list_images(root, train)
    stores = {}
    for at, image in enumerate(images):
        found = session.run(list(outputs.values()), {"input": load_picture(image["file"], size, spec)})
        for stage, values in zip(outputs, found):
            if stage not in stores:
                shape = (len(images), *values.shape[1:])
                stores[stage] = np.lib.format.open_memmap(folder / f"{stage}.npy", "w+", np.float16, shape)
            stores[stage][at] = values[0]
    for store in stores.values():
        store.flush()
    (folder / "images.json").write_text(json.dumps(images))
    print(f"{backbone} {dataset} {size}: {len(images)} images", flush=True)


def pairs(texts):
    return [text.split("=", 1) for text in texts]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--backbone", action="append", required=True, help=f"NAME=FILE, NAME of {', '.join(BACKBONES)}")
    parser.add_argument("--dataset", action="append", required=True, help="NAME=DIR")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--train", type=int, default=150)
    parser.add_argument("--stages", default="layer2,layer3,expand2,expand3")
    given = parser.parse_args()
    for backbone, model in pairs(given.backbone):
        for dataset, root in pairs(given.dataset):
            stages = given.stages.split(",")
            extract(given.cache, backbone, model, dataset, pathlib.Path(root), given.size, given.train, stages)


if __name__ == "__main__":
    main()
