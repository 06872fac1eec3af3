"""Golden vectors, one for each stage of PatchCore, from torch, SciPy, scikit-learn and Pillow.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python generate.py            # writes beside this file
    venv/bin/python generate.py --check    # recomputes, compares with the files, writes nothing

Each stage is computed by another program than ours: the network, pooling and interpolation by torch, the Gaussian by
SciPy, the curves by scikit-learn, pictures by Pillow, the rest by plain NumPy in float64. Everything is seeded. Arrays are float32 unless
their name is listed otherwise; scalars lie in golden.json.

Tolerances that the tests hold: 1e-4 relative for float32 stages, 1e-6 for metrics, coreset rows and int8 levels exactly.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import onnx
import scipy.ndimage
import scipy.stats
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageFilter
from PIL import __version__ as PIL_VERSION
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

HERE = pathlib.Path(__file__).parent
SEED = 20260
SIZE = 64
MEAN = np.array([0.485, 0.456, 0.406])
STD = np.array([0.229, 0.224, 0.225])
LAYERS = ["stem", "layer1", "layer2", "layer3"]
CHANNELS = [3, 6, 8, 6, 10]
CORESET_ROWS = 20


def render(seed, defect):
    """One 64 x 64 RGB picture of waves and noise; a defect is a block of uniform noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    base = 110 + 40 * np.sin(x / 3.0 + seed) + 30 * np.cos(y / 5.0)
    rgb = np.stack([base, 0.9 * base + 8, 0.8 * base + 16], -1) + rng.normal(0, 4, (SIZE, SIZE, 3))
    if defect:
        rgb[20:34, 30:42] = rng.uniform(0, 255, (14, 12, 3))
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8)


def draw_weights(rng):
    """Weights and biases of four 3 x 3 convolutions, He-scaled."""
    return [
        (rng.normal(0, np.sqrt(2 / (9 * i)), (o, i, 3, 3)).astype(np.float32), rng.normal(0, 0.1, o).astype(np.float32))
        for i, o in zip(CHANNELS, CHANNELS[1:])
    ]


def tiny_backbone(weights):
    """An ONNX network with the interface of a real backbone: outputs layer2 (stride 8) and layer3 (stride 16)."""
    nodes, initializers, previous = [], [], "input"
    for name, (weight, bias) in zip(LAYERS, weights):
        initializers += [numpy_helper.from_array(weight, f"{name}.weight"), numpy_helper.from_array(bias, f"{name}.bias")]
        inputs = [previous, f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [f"{name}.conv"], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"{name}.conv"], [name]))
        previous = name
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, "H", "W"])
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", c, None, None]) for n, c in (("layer2", 6), ("layer3", 10))]
    graph = helper.make_graph(nodes, "tiny-backbone", [picture], outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="golden")
    model.ir_version = 7
    onnx.checker.check_model(model)
    return model


def feature_maps(images, weights):
    x = torch.from_numpy(((images / 255.0 - MEAN) / STD).astype(np.float32).transpose(0, 3, 1, 2).copy())
    maps = {}
    for name, (weight, bias) in zip(LAYERS, weights):
        x = F.relu(F.conv2d(x, torch.from_numpy(weight), torch.from_numpy(bias), stride=2, padding=1))
        maps[name] = x
    return maps["layer2"], maps["layer3"]


def adaptive_embeddings(layers, grid, sizes=(24, 20)):
    """The reference code's embedding: unfold 3 x 3, adaptive mean a layer, stack, adaptive mean again."""
    count, per_layer = layers[0].shape[0], []
    patches = grid[0] * grid[1]
    for layer in layers:
        channels, rows, cols = layer.shape[1:]
        unfolded = F.unfold(layer, 3, padding=1)  # [N, C * 9, P]
        resized = F.interpolate(unfolded.reshape(count, channels * 9, rows, cols), size=grid, mode="bilinear", align_corners=False)
        flat = resized.reshape(count, channels * 9, patches).permute(0, 2, 1)
        per_layer.append(F.adaptive_avg_pool1d(flat.reshape(count * patches, 1, -1), sizes[0]).squeeze(1))
    stacked = torch.stack(per_layer, 1).reshape(count * patches, 1, -1)
    return F.adaptive_avg_pool1d(stacked, sizes[1]).reshape(count, patches, sizes[1]).numpy()


def reproduction_embeddings(layers, size):
    """The CLIP reproduction's: 3 x 3 average without padding, both maps back to the first grid by adaptive pooling."""
    grid = layers[0].shape[-2:]
    pooled = [F.avg_pool2d(layer, size, 1) for layer in layers]
    stretched = [F.adaptive_avg_pool2d(layer, grid) for layer in pooled]
    joined = torch.cat(stretched, 1)
    return pooled, joined.permute(0, 2, 3, 1).reshape(joined.shape[0], -1, joined.shape[1]).contiguous().numpy()


def greedy_k_center(points, picks, start):
    """Picks, the radius just before each further pick, and the radius left at the end; float64, ties to the lowest."""
    chosen, radii = [start], []
    nearest = np.linalg.norm(points - points[start], axis=1)
    while len(chosen) < picks:
        i = int(np.argmax(nearest))
        radii.append(float(nearest[i]))
        chosen.append(i)
        nearest = np.minimum(nearest, np.linalg.norm(points - points[i], axis=1))
    return dict(start=start, picks=picks, indices=chosen, radii=radii, final_radius=float(nearest.max()))


def reweighted(b, distances, bank):
    """Equation 7: the patch t* with the largest distance s* to its nearest row m*, weighed by the b rows around m*."""
    nearest = distances.min(1)
    t = int(nearest.argmax())
    m = int(distances[t].argmin())
    around = np.argsort(np.linalg.norm(bank - bank[m], axis=1), kind="stable")[:b]
    d = distances[t, around]
    return float((1 - np.exp(nearest[t] - d.max()) / np.exp(d - d.max()).sum()) * nearest[t])


def reproduction_weighted(k, query, bank):
    """The CLIP reproduction's image score: m* left out of its k nearest rows, exponents over the root of D."""
    distances = np.sqrt(((query[:, None, :] - bank[None]) ** 2).sum(-1))
    nearest = distances.min(1)
    t = int(nearest.argmax())
    m = int(distances[t].argmin())
    around = np.argsort(np.linalg.norm(bank - bank[m], axis=1), kind="stable")[1:k]
    root = np.sqrt(bank.shape[1])
    return float((1 - np.exp(nearest[t] / root) / np.exp(distances[t, around] / root).sum()) * nearest[t])


def picture_map(upsampled):
    """The CLIP reproduction's smoothing: the map as an 8-bit picture of its largest value, blurred by Pillow."""
    largest = torch.from_numpy(upsampled).max()
    levels = (torch.from_numpy(upsampled) / largest).mul(255).byte().numpy()
    blurred = np.asarray(Image.fromarray(levels).filter(ImageFilter.GaussianBlur(radius=4)))
    return levels, blurred, (torch.from_numpy(blurred.copy()).to(torch.float32).div(255) * largest).numpy()


def ground_truth(seed):
    """A mask of soft-edged discs, 53 x 37, resized by nearest to 24 x 16, and where it is defective: above half."""
    y, x = np.mgrid[0:37, 0:53]
    rng = np.random.default_rng(seed)
    discs = [np.hypot(y - rng.uniform(0, 37), x - rng.uniform(0, 53)) / rng.uniform(6, 12) for _ in range(4)]
    mask = np.clip(np.round(255 * (1.5 - np.min(discs, 0))), 0, 255).astype(np.uint8)
    mask[0, 20:34:2], mask[0, 21:34:2] = 127, 128  # just below and just above half
    tensor = torch.from_numpy(mask)[None, None].to(torch.float32)
    nearest = F.interpolate(tensor, size=(16, 24), mode="nearest-exact")[0, 0].numpy().astype(np.uint8)
    same = np.asarray(Image.fromarray(mask).resize((24, 16), Image.Resampling.NEAREST))
    assert np.array_equal(nearest, same), "Pillow and torch disagree on the nearest pixel"
    return mask, nearest, (nearest / 255 > 0.5).astype(np.uint8)


def resized_and_cropped(seed):
    """A 90 x 131 picture to shorter side 56 and the middle 48, as torchvision's Resize and CenterCrop do to Pillow's."""
    y, x = np.mgrid[0:90, 0:131]
    rng = np.random.default_rng(seed)
    rgb = np.stack([128 + 90 * np.sin(x / a) * np.cos(y / b) for a, b in ((3.1, 7.0), (9.0, 4.0), (2.0, 21.0))], -1)
    picture = Image.fromarray(np.clip(np.round(rgb + rng.normal(0, 6, rgb.shape)), 0, 255).astype(np.uint8))
    size = (131 * 56 // 90, 56)  # 81, rounded down
    left, top = int(round((size[0] - 48) / 2)), int(round((size[1] - 48) / 2))  # 16.5 to the even 16
    crop = lambda kernel: np.asarray(picture.resize(size, kernel).crop((left, top, left + 48, top + 48)))
    return np.asarray(picture), crop(Image.Resampling.BICUBIC), crop(Image.Resampling.BILINEAR)


def anomaly_map(grid, size):
    """Bilinear to `size`, then a Gaussian of sigma 4 truncated at 4 sigma (radius 16), mode "reflect"."""
    up = F.interpolate(torch.from_numpy(grid)[None, None], size=size, mode="bilinear", align_corners=False)[0, 0].numpy()
    return up, scipy.ndimage.gaussian_filter(up.astype(np.float64), sigma=4).astype(np.float32)


def quantise(rows, mean, scale):
    """int8 levels floor(scale * (x - mean) + 0.5), clipped to +-127."""
    return np.clip(np.floor((rows.astype(np.float64) - mean.astype(np.float64)) * scale + 0.5), -127, 127).astype(np.int8)


def compute():
    rng = np.random.default_rng(SEED)
    weights = draw_weights(rng)
    labels = rng.integers(0, 2, 200)
    scores = np.round(rng.normal(labels * 0.9, 1.0), 1)  # one decimal: many ties

    images = np.stack([render(seed, seed == 4) for seed in (1, 2, 3, 4)])
    layer2, layer3 = feature_maps(images, weights)
    pooled2, pooled3 = (F.avg_pool2d(t, 3, 1, 1, count_include_pad=True) for t in (layer2, layer3))
    rows, cols = layer2.shape[-2:]
    joined = torch.cat([pooled2, F.interpolate(pooled3, size=(rows, cols), mode="bilinear", align_corners=False)], 1)
    embeddings = joined.permute(0, 2, 3, 1).reshape(len(images), rows * cols, -1).contiguous().numpy()

    nominal = embeddings[:3].reshape(-1, embeddings.shape[-1]).astype(np.float64)
    coreset = greedy_k_center(nominal, CORESET_ROWS, 0)
    bank32 = nominal[coreset["indices"]].astype(np.float32)
    bank, query = bank32.astype(np.float64), embeddings[3].astype(np.float64)
    distances = np.sqrt(((query[:, None, :] - bank[None]) ** 2).sum(-1))
    nearest = distances.min(1)

    grid = nearest.reshape(rows, cols).astype(np.float32)
    upsampled, smooth = anomaly_map(grid, (SIZE, SIZE))
    # Neither square nor a whole multiple, and narrower than the kernel, so that the reflection folds twice.
    odd_grid = np.random.default_rng(SEED + 1).uniform(0, 9, (3, 7)).astype(np.float32)
    odd_map = anomaly_map(odd_grid, (12, 40))[1]

    picture_levels, picture_blurred, picture_smooth = picture_map(upsampled)
    odd_levels = np.random.default_rng(SEED + 2).integers(0, 256, (9, 31)).astype(np.uint8)
    odd_blurred = {s: np.asarray(Image.fromarray(odd_levels).filter(ImageFilter.GaussianBlur(radius=s))) for s in (4, 1.3)}
    (unpadded2, unpadded3), reproduction = reproduction_embeddings((layer2, layer3), 3)
    # Layer 3 is 4 x 4 here; without padding a neighbourhood of 3 leaves 2 x 2.
    squared = np.sort(((embeddings[3].astype(np.float64)[:, None, :] - bank[None]) ** 2).sum(-1), 1)
    resize_source, resized_bicubic, resized_linear = resized_and_cropped(SEED + 4)
    gt_mask, gt_nearest, gt_defective = ground_truth(SEED + 3)

    mean = bank.mean(0).astype(np.float32)
    scale = float(127 / np.percentile(np.abs(bank - mean.astype(np.float64)), 99.99))

    precision, recall, thresholds = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    wilson = scipy.stats.binomtest(7, 60).proportion_ci(0.95, method="wilson")

    arrays = dict(
        images=images, layer2=layer2.numpy(), layer3=layer3.numpy(), pooled2=pooled2.numpy(), pooled3=pooled3.numpy(),
        embeddings=embeddings, adaptive=adaptive_embeddings((layer2, layer3), (rows, cols)), bank=bank32,
        nearest=nearest.astype(np.float32), nearest_ids=distances.argmin(1).astype(np.int32),
        grid=grid, upsampled=upsampled, anomaly_map=smooth, odd_grid=odd_grid, odd_map=odd_map,
        quantiser_mean=mean, quantised_bank=quantise(bank32, mean, scale), quantised_query=quantise(embeddings[3], mean, scale),
        unpadded2=unpadded2.numpy(), unpadded3=unpadded3.numpy(), reproduction=reproduction,
        adaptive_even=adaptive_embeddings((layer2, layer3), (rows, cols), (6, 4)),
        adaptive_wide=adaptive_embeddings((layer2, layer3), (rows, cols), (100, 160)),
        mean_squared_1=squared[:, :1].mean(1).astype(np.float32), mean_squared_5=squared[:, :5].mean(1).astype(np.float32),
        picture_levels=picture_levels, picture_blurred=picture_blurred, picture_map=picture_smooth,
        odd_levels=odd_levels, odd_blurred_4=odd_blurred[4], odd_blurred_1_3=odd_blurred[1.3],
        ground_truth_mask=gt_mask, ground_truth_nearest=gt_nearest, ground_truth_defective=gt_defective,
        resize_source=resize_source, resized_bicubic=resized_bicubic, resized_linear=resized_linear,
        metric_labels=labels.astype(np.int32), metric_scores=scores,
    )  # fmt: skip
    scalars = dict(
        versions=dict(torch=torch.__version__, numpy=np.__version__, scipy=scipy.__version__, onnx=onnx.__version__, pillow=PIL_VERSION),
        seed=SEED, grid=[rows, cols], mean=MEAN.tolist(), std=STD.tolist(), adaptive_sizes=[24, 20],
        coreset=coreset, quantiser=dict(scale=scale),
        image_score=dict(maximum=float(nearest.max()), reweight_b3=reweighted(3, distances, bank), reweight_b9=reweighted(9, distances, bank),
                         reproduction_k3=reproduction_weighted(3, query, bank), mean_squared_5=float(squared[:, :5].mean(1).max())),
        metrics=dict(
            auroc=float(roc_auc_score(labels, scores)), average_precision=float(average_precision_score(labels, scores)),
            f1_max=float(f1.max()), f1_threshold=float(thresholds[int(f1[:-1].argmax())]),
            percentile_99=float(np.percentile(scores, 99)), wilson_7_of_60=[float(wilson.low), float(wilson.high)],
            normal_quantiles={str(p): float(scipy.stats.norm.ppf(p)) for p in (1e-9, 0.001, 0.02, 0.3, 0.5, 0.975, 0.99, 0.999)},
        ),
    )  # fmt: skip
    return arrays, scalars, tiny_backbone(weights)


def differences(arrays, scalars, model, folder):
    """Names of the vectors in `folder` that differ from the computed ones; vectors that only one side has are skipped."""
    wrong = []
    for name, value in arrays.items():
        path = folder / f"{name}.npy"
        if path.exists():
            there = np.load(path)
            if there.shape != value.shape or not np.allclose(there, value, rtol=1e-5, atol=1e-6):
                wrong.append(name)
    there = json.loads((folder / "golden.json").read_text())
    if there["coreset"]["indices"] != scalars["coreset"]["indices"]:
        wrong.append("coreset.indices")
    for group in ("coreset", "metrics", "image_score", "quantiser"):
        for key, value in scalars[group].items():
            if key in there.get(group, {}) and not isinstance(value, dict) and not np.allclose(there[group][key], value, rtol=1e-5):
                wrong.append(f"{group}.{key}")
    other = onnx.load(folder / "tiny-backbone.onnx")
    same = all(np.array_equal(numpy_helper.to_array(a), numpy_helper.to_array(b)) for a, b in zip(other.graph.initializer, model.graph.initializer))
    if not same or [n.op_type for n in other.graph.node] != [n.op_type for n in model.graph.node]:
        wrong.append("tiny-backbone.onnx")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", nargs="?", const=HERE, type=pathlib.Path, metavar="DIR", help="compare with DIR, write nothing")
    check = parser.parse_args().check
    torch.manual_seed(SEED)
    arrays, scalars, model = compute()
    if check is not None:
        wrong = differences(arrays, scalars, model, check)
        print("all vectors agree" if not wrong else f"different: {', '.join(wrong)}")
        sys.exit(1 if wrong else 0)
    for name, value in arrays.items():
        np.save(HERE / f"{name}.npy", np.ascontiguousarray(value))
    onnx.save(model, HERE / "tiny-backbone.onnx")
    (HERE / "golden.json").write_text(json.dumps(scalars, indent=1) + "\n")


if __name__ == "__main__":
    main()
