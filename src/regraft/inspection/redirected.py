"""A network whose last ReLUs let a gradient through that would wake a silent unit (lucid's redirected gradients).

Where a unit fires for no start, its gradient is zero and nothing could be climbed. ReLUs before a further layer with
weights stay as they are: woken all at once they would lead to pictures that no unit answers to.
"""

import copy
import math
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

MODULES: dict[type, float] = {nn.ReLU: math.inf, nn.ReLU6: 6.0}  # with the largest value that they let through
CALLED: dict[Any, float] = {
    functional.relu6: 6.0, **dict.fromkeys((functional.relu, torch.relu, torch.relu_, "relu", "relu_"), math.inf)
}  # fmt: skip


class Redirected(torch.autograd.Function):
    """ReLU with another gradient where a channel is silent at every place: it passes where a step raises the unit."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, most: float) -> Tensor:
        """max(0, value), at most ``most``, of (n, channels, ...)."""
        ctx.save_for_backward(value)
        ctx.most = most
        return value.clamp(0, most)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """A negative gradient of the loss raises the unit."""
        (value,), (gradient,) = ctx.saved_tensors, gradients
        silent = (value <= 0).flatten(2).all(dim=2) if value.dim() > 2 else value <= 0  # noqa: PLR2004
        silent = silent.reshape(*silent.shape, *[1] * (value.dim() - silent.dim()))
        passes = (value < ctx.most) & ((value > 0) | (silent & (gradient < 0)))
        return torch.where(passes, gradient, torch.zeros_like(gradient)), None


class Woken(nn.Module):
    """Such a ReLU."""

    def __init__(self, most: float) -> None:
        """``most``: the largest value that it lets through."""
        super().__init__()
        self.most = most

    def forward(self, value: Tensor) -> Tensor:
        """Any shape."""
        result: Tensor = Redirected.apply(value, self.most)
        return result


def redirected(network: fx.GraphModule) -> fx.GraphModule:
    """The same network, its modules shared, with such ReLUs behind its last layers with weights."""
    graph = copy.deepcopy(network.graph)
    modules = dict(network.named_modules())
    replaced: dict[str, nn.Module] = {}
    behind = [next(node for node in graph.nodes if node.op == "output")]
    passed = set(behind)
    while behind:
        for node in set(behind.pop().all_input_nodes) - passed:
            passed.add(node)
            name, module = str(node.target), modules.get(str(node.target)) if node.op == "call_module" else None
            if module is not None and (other := awakened(module)) is not None:
                replaced[name] = other
            elif node.op in {"call_function", "call_method"} and node.target in CALLED:
                most = CALLED[node.target]
                node.op, node.target, node.args, node.kwargs = "call_function", Woken(most).forward, node.args[:1], {}
            elif module is None or not any(True for _ in module.parameters()):
                behind.append(node)
    awake = fx.GraphModule(network, graph)
    for name, module in replaced.items():
        awake.set_submodule(name, module)
    return awake


def awakened(module: nn.Module) -> nn.Module | None:
    """A module with its ReLUs replaced, as layers have them that end in their own (timm's BatchNormAct2d); or None."""
    if type(module) in MODULES:
        return Woken(MODULES[type(module)])
    children = {name: awakened(child) for name, child in module.named_children()}
    if not any(children.values()):
        return None
    twin = copy.copy(module)
    vars(twin)["_modules"] = {name: children[name] or child for name, child in module.named_children()}
    return twin
