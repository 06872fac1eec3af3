"""The tail of the graph: feature maps of a backbone to patch embeddings, as ONNX, as the product would compose it.

A bank's embedding is a list of branches, one a stage. A branch is {"stage", "factor", "pool", "kernel", "reduce"}:
`kernel` [k, c, 3, 3] is a convolution in the place of the mean, `weights` [3, 3] a weighted mean, `reduce` [k, c] a 1 x 1 convolution before the mean;
`factor` stretches to the bank's grid, bilinear. `matrix` [dims, k] is applied to the joined embedding.
"""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from features import one_thread

OPSET, IR = 17, 8


class Tail:
    """Nodes and constants of one or more embeddings; `sources` names the value that holds each stage."""

    def __init__(self, sources):
        self.sources = sources
        self.nodes, self.constants = [], []

    def constant(self, name, values):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def branch(self, name, branch):
        value = self.sources[branch["stage"]]
        if branch.get("reduce") is not None:
            weights = self.constant(f"{name}/reduce", branch["reduce"][:, :, None, None])
            value = self.node("Conv", [value, weights], f"{name}/reduced", kernel_shape=[1, 1])
        if branch.get("kernel") is not None:
            weights = self.constant(f"{name}/kernel", branch["kernel"])
            pads = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
            value = self.node("Conv", [value, weights], f"{name}/convolved", **pads)
        elif branch.get("weights") is not None:
            channels = branch["channels"]
            weights = self.constant(f"{name}/weights", np.tile(branch["weights"], (channels, 1, 1, 1)))
            pads = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "group": channels}
            value = self.node("Conv", [value, weights], f"{name}/weighted", **pads)
        elif branch.get("pool", True):
            pads = {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1], "count_include_pad": 1}
            value = self.node("AveragePool", [value], f"{name}/pooled", **pads)
        factor = branch.get("factor", 1)
        if factor != 1:
            scales = self.constant(f"{name}/scales", [1, 1, factor, factor])
            how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
            value = self.node("Resize", [value, "", scales], f"{name}/stretched", **how)
        return value

    def embedding(self, name, branches, matrix=None):
        maps = [self.branch(f"{name}/{i}", branch) for i, branch in enumerate(branches)]
        joined = maps[0] if len(maps) == 1 else self.node("Concat", maps, f"{name}/joined", axis=1)
        last = name if matrix is None else f"{name}/plain"
        self.node("Transpose", [joined], last, perm=[0, 2, 3, 1])
        if matrix is not None:
            self.node("MatMul", [last, self.constant(f"{name}/matrix", matrix)], name)
        return name


def tail_session(banks, channels):
    """Session from stages ("layer2", ...: float32 [N, c, rows, cols]) to one embedding a bank, [N, rows, cols, dims]."""
    stages = sorted({branch["stage"] for bank in banks for branch in bank["branches"]})
    tail = Tail({stage: stage for stage in stages})
    names = [tail.embedding(f"bank{i}", bank["branches"], bank.get("matrix")) for i, bank in enumerate(banks)]
    shape = lambda stage: ["N", channels[stage], f"rows-{stage}", f"cols-{stage}"]
    inputs = [helper.make_tensor_value_info(stage, TensorProto.FLOAT, shape(stage)) for stage in stages]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    graph = helper.make_graph(tail.nodes, "tail", inputs, outputs, tail.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    session = onnxruntime.InferenceSession(model.SerializeToString(), one_thread(), providers=["CPUExecutionProvider"])
    return session, stages, names


def embed(banks, maps, indices, batch=10):
    """Embeds the images `indices`: for each bank float32 [images, patches, dims], and its grid (rows, cols).

    maps: stage to memory-mapped float16 [images, channels, rows, cols]."""
    session, stages, names = tail_session(banks, {stage: values.shape[1] for stage, values in maps.items()})
    parts, grids = [[] for _ in names], [None] * len(names)
    for at in range(0, len(indices), batch):
        chosen = indices[at : at + batch]
        found = session.run(names, {stage: maps[stage][chosen].astype(np.float32) for stage in stages})
        for i, values in enumerate(found):
            grids[i] = values.shape[1:3]
            parts[i].append(values.reshape(len(chosen), -1, values.shape[-1]))
    return [np.concatenate(part) for part in parts], grids


def with_backbone(backbone, banks, stages, names_of):
    """The backbone's model with the tail behind it and only the embeddings as outputs: what a frame costs."""
    model = onnx.load(backbone)
    tail = Tail({stage: names_of[stage] for stage in stages})
    names = [tail.embedding(f"bank{i}", bank["branches"], bank.get("matrix")) for i, bank in enumerate(banks)]
    model.graph.node.extend(tail.nodes)
    model.graph.initializer.extend(tail.constants)
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    return model.SerializeToString(), names
