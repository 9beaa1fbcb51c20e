"""A network written down as steps, from which OpenVINO's graph is built without torch: that of the embedded network.

Steps are JSON: {"name", "op", "of": names of what it takes} with the op's own entries; weights are named as torch names
them. ``written`` makes them from the traced torch network (pretraining uses it), ``graph_from`` builds the graph.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import nn

    from regraft.network.tracing import Traced

Step = Mapping[str, Any]
SIX = 6.0  # where ReLU6 ends


def graph_from(steps: Sequence[Step], weights: Path, cuts: Sequence[str], size: int) -> Any:
    """Images (n, 3, size, size), normalised -> the values at the nodes ``cuts``, then the last step's."""
    import openvino
    from openvino import opset13 as ops
    from safetensors.numpy import load_file

    state = {name: value.astype(np.float32) for name, value in load_file(weights).items()}
    images = ops.parameter([-1, 3, size, size], np.float32)
    values: dict[str, Any] = {"x": images}
    for step in steps:
        values[step["name"]] = OPS[step["op"]](ops, step, [values[name] for name in step["of"]], state)
    outputs = [values[name] for name in (*cuts, steps[-1]["name"])]
    return openvino.Model([ops.result(output) for output in outputs], [images], "regraft")


def convolution(ops: Any, step: Step, inputs: Sequence[Any], state: Mapping[str, np.ndarray]) -> Any:
    """Without a bias; ``padding`` same is TensorFlow's, at the upper end first."""
    weights, groups = state[f"{step['of_module']}.weight"], step["groups"]
    pads, strides = [step["padding"] or 0] * 2, [step["stride"]] * 2
    padding = "explicit" if step["padding"] is not None else "same_upper"
    if groups == 1:
        return ops.convolution(inputs[0], weights, strides, pads, pads, [1, 1], padding)
    split = weights.reshape(groups, weights.shape[0] // groups, *weights.shape[1:])
    return ops.group_convolution(inputs[0], split, strides, pads, pads, [1, 1], padding)


def batch_norm(ops: Any, step: Step, inputs: Sequence[Any], state: Mapping[str, np.ndarray]) -> Any:
    """With the running statistics, and ReLU6 after it where ``relu6`` says so."""
    own = [state[f"{step['of_module']}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")]
    normalised = ops.batch_norm_inference(inputs[0], *own, step["eps"])
    return ops.clamp(normalised, 0.0, SIX) if step["relu6"] else normalised


def add(ops: Any, _step: Step, inputs: Sequence[Any], _state: Mapping[str, np.ndarray]) -> Any:
    """Of two values."""
    return ops.add(*inputs)


def mean(ops: Any, _step: Step, inputs: Sequence[Any], _state: Mapping[str, np.ndarray]) -> Any:
    """Over space: (n, channels)."""
    return ops.reduce_mean(inputs[0], np.array([2, 3], dtype=np.int64), False)


def linear(ops: Any, step: Step, inputs: Sequence[Any], state: Mapping[str, np.ndarray]) -> Any:
    """With a bias."""
    weights, biases = (state[f"{step['of_module']}.{name}"] for name in ("weight", "bias"))
    return ops.add(ops.matmul(inputs[0], weights, False, True), biases[None])


def same(_ops: Any, _step: Step, inputs: Sequence[Any], _state: Mapping[str, np.ndarray]) -> Any:
    """What it takes, by another name."""
    return inputs[0]


OPS = {
    "convolution": convolution, "batch_norm": batch_norm, "add": add, "mean": mean, "linear": linear, "same": same
}  # fmt: skip


def written(model: "nn.Module", traced: "Traced") -> list[Step]:
    """The steps of a traced network; ValueError for a module that has no op here."""
    steps: list[Step] = []
    stands_for = {"x": "x"}  # what an identity hands on
    cuts = {cut.node for cut in traced.cuts}
    for node in traced.graph.nodes:
        if node.op in {"placeholder", "output"}:
            continue
        of = [stands_for[argument.name] for argument in node.all_input_nodes]
        own = {"op": "add"} if node.op == "call_function" else op_of(model.get_submodule(str(node.target)))
        if own is None and node.name in cuts:
            own = {"op": "same"}
        if own is None:
            stands_for[node.name] = of[0]
            continue
        stands_for[node.name] = node.name
        module = {"of_module": str(node.target)} if own["op"] not in {"add", "mean", "same"} else {}
        steps.append({"name": node.name, "of": of, **own, **module})
    return steps


def op_of(module: Any) -> dict[str, Any] | None:
    """The op that stands for a module; None for one that hands on what it takes."""
    kind = type(module).__name__
    if kind in {"Identity", "Flatten"}:
        return None
    if kind in {"Conv2d", "Conv2dSame"} and module.bias is None:
        padding = None if kind == "Conv2dSame" else module.padding[0]
        return {"op": "convolution", "stride": module.stride[0], "padding": padding, "groups": module.groups}
    if kind == "BatchNormAct2d" and type(module.act).__name__ in {"Identity", "ReLU6"}:
        return {"op": "batch_norm", "eps": module.eps, "relu6": type(module.act).__name__ == "ReLU6"}
    if kind == "AdaptiveAvgPool2d":
        return {"op": "mean"}
    if kind == "Linear":
        return {"op": "linear"}
    raise ValueError(f"no op stands for {kind}")
