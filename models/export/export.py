"""Exports a backbone of the seed paper to ONNX with its manifest, from weights that the user has.

    python3.11 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python export.py NAME --weights FILE --out FOLDER
    venv/bin/python export.py NAME --random-weights --out FOLDER

Writes FOLDER/NAME/NAME.onnx and manifest.json after all its checks have passed, and prints each of them. With
--golden it also writes golden.json: a picture's seed and some of torch's activations on it, for tests without torch.
"""

import argparse
import collections
import hashlib
import io
import json
import pathlib
import re
import sys

import numpy as np
import onnx
import onnxruntime
import torch

import networks

OPSET = 17
TOLERANCE = 1e-4
ALLOWED_NODES = {"Conv", "Relu", "Add", "MaxPool", "AveragePool"}
GOLDEN_VALUES = 24
LARGEST_FILE = 2**31 - 1  # of one protocol buffer


def check(true, text):
    print(("ok    " if true else "WRONG ") + text, flush=True)
    if not true:
        sys.exit(1)


def export(features, side):
    """One ONNX graph whose batch normalisations are folded into the convolutions. @returns ModelProto"""
    # The exporter puts its argument back into the mode it had, so the wrapping module itself must be in evaluation mode.
    features.eval()
    buffer = io.BytesIO()
    axes = {"input": {0: "N", 2: "H", 3: "W"}}
    axes.update({name: {0: "N", 2: f"H/{s}", 3: f"W/{s}"} for name, s in zip(networks.LAYERS, networks.STRIDES)})
    torch.onnx.export(
        features,
        (torch.zeros(1, 3, side, side),),
        buffer,
        input_names=["input"],
        output_names=list(networks.LAYERS),
        dynamic_axes=axes,
        opset_version=OPSET,
        do_constant_folding=True,
        dynamo=False,
    )
    check(not any(module.training for module in features.modules()), "the network is in evaluation mode after the export")
    model = onnx.load_from_string(buffer.getvalue())
    # Notes of the tool: they hold nothing that a reader of the file needs.
    del model.metadata_props[:]
    del model.graph.value_info[:]
    fold_identities(model.graph)
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    onnx.checker.check_model(model)
    return model


def fold_identities(graph):
    """Takes out the Identity nodes through which the exporter shares equal constants between nodes."""
    sources = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    kept = [node for node in graph.node if node.op_type != "Identity"]
    for node in kept:
        for index, name in enumerate(node.input):
            while name in sources:
                name = sources[name]
            node.input[index] = name
    del graph.node[:]
    graph.node.extend(kept)


def check_graph(model):
    counted = collections.Counter(node.op_type for node in model.graph.node)
    check(set(counted) <= ALLOWED_NODES, f"{len(model.graph.node)} nodes: {dict(counted)}")
    opsets = [(one.domain, one.version) for one in model.opset_import]
    check(opsets == [("", OPSET)], f"opset {OPSET}, IR {model.ir_version}")


def pixels_of(shape, seed):
    """Pixels 0 to 255 that any language can make again: numerical recipes' generator, its upper eight bits."""
    count = int(np.prod(shape))
    state, found = seed, np.empty(count, dtype=np.float64)
    for index in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        found[index] = state >> 24
    return found.reshape(shape)


def normalised(recipe, pixels):
    mean, std = (np.array(one).reshape(1, 3, 1, 1) * networks.LEVELS for one in (recipe.mean, recipe.std))
    return ((pixels - mean) / std).astype(np.float32)


def check_against_torch(content, features, recipe):
    """@returns the channels of each layer"""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(20260)
    channels = {}
    side = recipe.side
    for count, height, width in [(1, side, side), (2, side // 2, side // 2 + 16)]:
        images = normalised(recipe, generator.integers(0, 256, (count, 3, height, width)))
        with torch.no_grad():
            expected = [one.numpy() for one in features(torch.from_numpy(images))]
        actual = session.run(list(networks.LAYERS), {"input": images})
        for name, stride, wanted, got in zip(networks.LAYERS, networks.STRIDES, expected, actual):
            error = float(np.abs(got - wanted).max() / np.abs(wanted).max())
            channels[name] = wanted.shape[1]
            right = got.shape == wanted.shape == (count, wanted.shape[1], height // stride, width // stride)
            check(
                right and np.isfinite(wanted).all() and np.abs(wanted).max() > 0 and error <= TOLERANCE,
                f"ONNX against torch, {count} × {height} × {width}: {name} {got.shape}, "
                f"largest {np.abs(wanted).max():.3g}, relative error {error:.1e} (at most {TOLERANCE:.0e})",
            )
    return channels


def golden_text(features, recipe):
    """Some of torch's activations, spread evenly over each layer, on a picture that a test can make again."""
    shape, seed = (1, 3, recipe.side, recipe.side + 16), 1
    with torch.no_grad():
        maps = features(torch.from_numpy(normalised(recipe, pixels_of(shape, seed))))
    layers = {}
    for name, found in zip(networks.LAYERS, maps):
        flat = found.numpy().ravel()
        at = np.linspace(0, flat.size - 1, GOLDEN_VALUES).round().astype(int)
        layers[name] = {
            "shape": list(found.shape),
            "largest": float(np.abs(flat).max()),
            "at": at.tolist(),
            "values": [float(one) for one in flat[at]],
        }
    golden = {"generator": "models/export/export.py", "tolerance": TOLERANCE, "seed": seed, "shape": shape, "layers": layers}
    return json.dumps(golden, indent=1) + "\n"


def manifest_text(name, recipe, provenance, sha256, channels):
    def scaled(values):
        return [round(one * networks.LEVELS, 8) for one in values]

    manifest = {
        "format": "nominald-backbone",
        "formatVersion": 1,
        "name": name,
        "file": f"{name}.onnx",
        "sha256": sha256,
        "opset": OPSET,
        "input": {
            "name": "input",
            "layout": "NCHW",
            "dtype": "float32",
            "colourOrder": "RGB",
            "multiple": max(networks.STRIDES),
            "range": "0-255",
            "mean": scaled(recipe.mean),
            "std": scaled(recipe.std),
            "preferred": {
                "shorterSide": recipe.shorter_side,
                "width": recipe.side,
                "height": recipe.side,
                "kernel": recipe.kernel,
            },
        },
        "outputs": [
            {"name": layer, "channels": channels[layer], "stride": stride}
            for layer, stride in zip(networks.LAYERS, networks.STRIDES)
        ],
        "licence": recipe.licence,
        "provenance": f"network of {recipe.library}, {provenance}, exported by models/export/export.py",
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    # Short lists and the layers stand on one line each, as the project's formatter leaves them.
    text = re.sub(r"\[\s+([\d.]+),\s+([\d.]+),\s+([\d.]+)\s+\]", r"[\1, \2, \3]", text)
    return re.sub(r'\{\s+("name": "\w+"),\s+("channels": \d+),\s+("stride": \d+)\s+\}', r"{ \1, \2, \3 }", text) + "\n"


def parse_arguments():
    parser = argparse.ArgumentParser(description="Exports a backbone to ONNX with its manifest.")
    parser.add_argument("name", choices=sorted(networks.RECIPES))
    weights = parser.add_mutually_exclusive_group(required=True)
    weights.add_argument("--weights", metavar="FILE", help="torchvision's .pth, or OpenAI's .pt (archive or state dict)")
    weights.add_argument("--random-weights", action="store_true", help="to try the program; the name ends in .random")
    parser.add_argument("--seed", type=int, default=1, help="of the random weights")
    parser.add_argument("--out", metavar="FOLDER", required=True, type=pathlib.Path)
    parser.add_argument("--golden", action="store_true", help="also write golden.json")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    recipe = networks.RECIPES[arguments.name]()
    network = recipe.build().eval()
    name = arguments.name
    if arguments.random_weights:
        name += ".random"
        provenance = networks.randomise(network, arguments.seed)
    else:
        try:
            provenance = networks.load_weights(network, recipe, arguments.weights)
        except networks.WrongWeights as error:
            sys.exit(f"WRONG {error}")
    print(f"      {recipe.library}, {provenance}")
    features = recipe.features(network)
    model = export(features, recipe.side)
    model.graph.name = name
    check_graph(model)
    content = model.SerializeToString(deterministic=True)
    check(len(content) <= LARGEST_FILE, f"{len(content)} bytes fit into one file")
    channels = check_against_torch(content, features, recipe)
    folder = arguments.out / name
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / f"{name}.onnx").write_bytes(content)
    (folder / "manifest.json").write_text(manifest_text(name, recipe, provenance, sha256, channels), encoding="utf-8")
    if arguments.golden:
        (folder / "golden.json").write_text(golden_text(features, recipe), encoding="utf-8")
    joined = channels["layer2"] + channels["layer3"]
    print(f"wrote {folder}: {len(content)} bytes, SHA-256 {sha256}, layer2 and layer3 join to {joined} channels")


if __name__ == "__main__":
    main()
