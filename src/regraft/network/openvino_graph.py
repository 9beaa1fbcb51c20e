"""A network as OpenVINO's graph: made once from the torch network, kept in the cache, and given other outputs at will.

Every graph made here takes pixels (images, size, size, 3) uint8; scaling and normalisation are in it.
"""

import hashlib
import json
import sys
import uuid
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import openvino
from openvino import opset13 as ops

from regraft.cache_folder import cache_folder
from regraft.network.backbone import Backbone
from regraft.network.cuts import POOLINGS, Cut
from regraft.network.graft import Graft
from regraft.network.preprocessing import Preprocessing
from regraft.network.steps import graph_from

SEAL = ".crc32"  # the file beside a kept graph with its checksums
RELEASE = openvino.__version__.split("-")[0]


def graph_of(backbone: Backbone) -> Any:
    """The whole network, with the values at its cuts and then the logits for outputs; its input is normalised."""
    path, size = path_of(backbone), backbone.preprocessing.size
    with suppress(Exception):  # damaged: its errors share no kind; it is made anew
        if is_sealed(path, path.parent.name):
            return read(path)
    if backbone.steps and backbone.weights:
        nodes = [cut.node for cut in backbone.cuts]
        return graph_from(json.loads(backbone.steps.read_text()), backbone.weights, nodes, size)
    graph = converted(backbone)
    with suppress(Exception):  # a full disk, for one: keeping it is worth no failure
        keep(graph, path, path.parent.name)
    return graph


def path_of(backbone: Backbone) -> Path:
    """Where its graph is kept, by all that the graph hangs on: its weights, size and cuts, and OpenVINO's release."""
    cuts = hashlib.blake2b(json.dumps([cut.node for cut in backbone.cuts]).encode(), digest_size=4).hexdigest()
    name = f"{backbone.fingerprint}-{backbone.preprocessing.size}-{cuts}"
    return cache_folder() / "networks" / name / f"openvino-{RELEASE}.xml"


def read(path: Path) -> Any:
    """A graph that was kept."""
    return openvino.Core().read_model(path)


def is_sealed(path: Path, network: str) -> bool:
    """Whether a graph is what was kept of that network; OpenVINO itself notices no changed byte."""
    with suppress(OSError, ValueError):  # not there, or damaged
        return path.with_suffix(SEAL).read_text() == seal_of(path, network)
    return False


def seal_of(path: Path, network: str) -> str:
    """What the graph is of, and the CRC-32 of its two files."""
    return " ".join([network, *(str(crc32(file.read_bytes())) for file in (path, path.with_suffix(".bin")))])


def converted(backbone: Backbone) -> Any:
    """The same, from the torch network."""
    import torch

    from regraft.network.surgery import pooled_network

    size = backbone.preprocessing.size
    arguments, sys.argv = sys.argv, sys.argv[:1]  # OpenVINO would take a --verbose among them for its own
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracing that OpenVINO does for itself
            network = pooled_network(backbone.model, backbone.traced, backbone.cuts, ("whole",), logits=True)
            graph = openvino.convert_model(network, example_input=torch.zeros(2, 3, size, size))
    finally:
        sys.argv = arguments
    graph.reshape([-1, 3, size, size])
    return graph


def keep(graph: Any, path: Path, network: str) -> None:
    """Write a graph so that no reader takes half of it: the weights first, the seal last.

    ``network``: what tells its network from others.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(SEAL).unlink(missing_ok=True)
    unfinished = path.with_name(f".{uuid.uuid4().hex}.xml")
    try:
        openvino.save_model(graph, unfinished, compress_to_fp16=False)
        unfinished.with_suffix(".bin").replace(path.with_suffix(".bin"))
        unfinished.replace(path)
        path.with_suffix(SEAL).write_text(seal_of(path, network))
    finally:
        for left in (unfinished, unfinished.with_suffix(".bin")):
            left.unlink(missing_ok=True)


def pooled(graph: Any, backbone: Backbone, cuts: Sequence[Cut], pools: Sequence[str], logits: bool) -> Any:
    """Pixels -> features pooled over space, (images, channels) each: one a cut for the first pool, and so on.

    With ``logits`` the network's own output comes last.
    """
    outputs = features_at(graph, backbone, cuts, pools) + ([values_of(graph)[-1]] if logits else [])
    return taking_pixels(graph, outputs, backbone.preprocessing)


def features_at(graph: Any, backbone: Backbone, cuts: Sequence[Cut], pools: Sequence[str]) -> list[Any]:
    """The values at ``cuts`` pooled over space, in the order of surgery.pooled_network."""
    values = values_of(graph)
    return [pool_over(values[backbone.cuts.index(cut)], cut.axes, pool) for pool in pools for cut in cuts]


def graph_of_graft(graft: Graft, graph: Any = None) -> Any:
    """Pixels -> logits; ``graph``: of its backbone, where that is not to be kept in the cache."""
    backbone = graft.backbone
    graph = graph or graph_of(backbone)
    value = ops.concat(features_at(graph, backbone, graft.cuts, POOLINGS[graft.pooling]), 1)
    for layer, (weights, biases) in enumerate(zip(graft.head.weights, graft.head.biases, strict=True)):
        value = ops.relu(value) if layer else value
        value = ops.add(ops.matmul(value, ops.constant(weights), False, True), ops.constant(biases[None]))
    return taking_pixels(graph, [value], backbone.preprocessing)


def with_features(graph: Any, layers: int) -> Any:
    """A graft's graph that gives what its head of so many layers takes, too: pixels -> logits, features."""
    value = values_of(graph)[0]
    for layer in range(layers):
        for kind in (*(["Relu"] if layer else []), "Add", "MatMul"):
            if value.get_node().get_type_name() != kind:
                raise ValueError(f"the head has no {kind} where one is due")
            value = value.get_node().input_value(0)
    graph.add_outputs(value)
    return graph


def values_of(graph: Any) -> list[Any]:
    """What the graph's outputs hand out."""
    return [output.get_node().input_value(0) for output in graph.outputs]


def pool_over(value: Any, axes: Sequence[int], pool: str) -> Any:
    """A value pooled over space, as surgery.POOLS does."""
    if pool == "rms":
        squares = ops.multiply(value, value)
        return ops.sqrt(pool_over(squares, axes, "mean")) if axes else ops.abs(value)
    if not axes or pool == "whole":
        return value
    reduce = ops.reduce_max if pool == "max" else ops.reduce_mean
    return reduce(value, ops.constant(np.array(axes, dtype=np.int64)), False).output(0)


def taking_pixels(graph: Any, outputs: Sequence[Any], preprocessing: Preprocessing) -> Any:
    """The graph up to some outputs of its nodes, for pixels, which are normalised first."""
    part = openvino.Model([ops.result(output) for output in outputs], graph.get_parameters(), "regraft")
    steps = openvino.preprocess.PrePostProcessor(part)
    source = steps.input()
    source.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    source.model().set_layout(openvino.Layout("NCHW"))
    scaled = source.preprocess().convert_element_type(openvino.Type.f32)
    scaled.mean([255 * value for value in preprocessing.mean]).scale([255 * value for value in preprocessing.std])
    return steps.build()
