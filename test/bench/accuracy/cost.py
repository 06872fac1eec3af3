"""What a frame costs with each variant: backbone with its tail, and exact int8 search, one thread, interleaved.

    python cost.py --backbone lite0=FILE [--repeats 30] [--variant mean --variant conv-1/2 ...]

Times are CPU time of this process (a loaded machine lengthens wall time, hardly this), medians and P99 over the repeats; ratios
are to "mean" in the same run. Weights are of the right shapes but fitted on noise: they do not change the cost.
"""

import argparse
import os
import platform
import subprocess
import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from embedding_tail import IR, OPSET, with_backbone
from features import BACKBONES, one_thread, pairs
from variants import VARIANTS, fit_banks, fit_matrix

TRAIN_IMAGES, RATIO = 100, 0.01
# float32 row, int8 row and the row's image (int32).
BYTES_PER_VALUE, BYTES_PER_ROW = 5, 4


def search_session(rows, dims):
    """uint8 patches [n, dims] against int8 rows: product in int32, best row. Norms cost one addition more."""
    generator = np.random.default_rng(0)
    stored = numpy_helper.from_array(generator.integers(-127, 128, (dims, rows), np.int8), "rows")
    halves = numpy_helper.from_array(generator.integers(0, 1000, (rows,), np.int32), "halves")
    nodes = [
        helper.make_node("MatMulInteger", ["patches", "rows"], ["products"]),
        helper.make_node("Sub", ["products", "halves"], ["similar"]),
        helper.make_node("Cast", ["similar"], ["ordered"], to=TensorProto.FLOAT),
        helper.make_node("TopK", ["ordered", "three"], ["best", "at"], axis=1),
    ]
    three = numpy_helper.from_array(np.array([3], np.int64), "three")
    inputs = [helper.make_tensor_value_info("patches", TensorProto.UINT8, ["n", dims])]
    outputs = [helper.make_tensor_value_info("best", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "search", inputs, outputs, [stored, halves, three])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    return onnxruntime.InferenceSession(model.SerializeToString(), one_thread(), providers=["CPUExecutionProvider"])


class Frame:
    """One variant's whole frame."""

    def __init__(self, backbone, model, name):
        self.variant = VARIANTS[name]
        spec, size = BACKBONES[backbone]["outputs"], self.variant.size
        noise = np.random.default_rng(0)
        bare = onnxruntime.InferenceSession(model, one_thread(), providers=["CPUExecutionProvider"])
        self.image = noise.standard_normal((1, 3, size, size), np.float32)
        needed = [stage for stage in spec if stage in {*self.variant.stages, "layer2", "layer3"}]
        first = dict(zip(needed, bare.run([spec[stage] for stage in needed], {"input": self.image})))
        maps = {stage: noise.standard_normal((4, *values.shape[1:]), np.float32) for stage, values in first.items()}
        banks = fit_banks(self.variant, maps, [0, 1, 2, 3], 0)
        if self.variant.joint_alpha is not None:
            dims = sum(maps[stage].shape[1] for stage in self.variant.stages)
            banks[0]["matrix"] = fit_matrix(self.variant, noise.standard_normal((1, 500, dims), np.float32), 0)
        composed, self.names = with_backbone(model, banks, self.variant.stages, spec)
        self.session = onnxruntime.InferenceSession(composed, one_thread(), providers=["CPUExecutionProvider"])
        self.searches, self.bytes = [], 0
        for values in self.session.run(self.names, {"input": self.image}):
            rows, cols, dims = values.shape[1:]
            count = int(TRAIN_IMAGES * rows * cols * RATIO)
            patches = noise.integers(0, 255, (rows * cols, dims), np.uint8)
            self.searches.append((search_session(count, dims), patches))
            self.bytes += count * (dims * BYTES_PER_VALUE + BYTES_PER_ROW)

    def embed(self):
        self.session.run(self.names, {"input": self.image})

    def search(self):
        for session, patches in self.searches:
            session.run(None, {"patches": patches})


def measure(frames, repeats):
    times = {name: {"embed": [], "search": []} for name in frames}
    for turn in range(repeats + 3):
        for name, frame in frames.items():
            for stage in ("embed", "search"):
                begun = time.process_time()
                getattr(frame, stage)()
                if turn >= 3:
                    times[name][stage].append((time.process_time() - begun) * 1000)
    return times


def commit():
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", required=True, help="NAME=FILE")
    parser.add_argument("--variant", action="append", choices=list(VARIANTS))
    parser.add_argument("--repeats", type=int, default=30)
    given = parser.parse_args()
    ((backbone, model),) = pairs([given.backbone])
    stages = BACKBONES[backbone]["outputs"]
    chosen = given.variant or [name for name, variant in VARIANTS.items() if set(variant.stages) <= set(stages)]
    chosen = ["mean", *[name for name in chosen if name != "mean"]]
    frames = {name: Frame(backbone, model, name) for name in chosen}
    times = measure(frames, given.repeats)
    print(f"{machine()}; commit {commit()}; {backbone}, one thread, bank of 1 % of {TRAIN_IMAGES} images, CPU ms\n")
    print("| variant | embed P50 | P99 | search P50 | P99 | embed + search | ratio | bank MB |")
    print("|---|---|---|---|---|---|---|---|")
    base = sum(np.median(values) for values in times["mean"].values())
    for name, of_stage in times.items():
        cells = [f"{np.percentile(of_stage[stage], p):.1f}" for stage in ("embed", "search") for p in (50, 99)]
        total = sum(np.median(values) for values in of_stage.values())
        print(f"| {name} | {' | '.join(cells)} | {total:.1f} | {total / base:.2f} | {frames[name].bytes / 1e6:.2f} |")


if __name__ == "__main__":
    main()
