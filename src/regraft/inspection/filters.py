"""Kernels of a network's convolutions, and how far each moved in training."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx, nn
from torch.overrides import TorchFunctionMode

from regraft.errors import BackboneError
from regraft.inspection.subject import Subject

COLOURS = 3


@dataclass(frozen=True)
class Filters:
    """The kernels of one convolution, as it applies them: standardised where the layer standardises its weights."""

    layer: str
    kernels: np.ndarray  # (filters, channels, height, width) float32
    before: np.ndarray | None  # the same, as pre-trained; None where no layer trained
    looks_at: int  # channels of what the layer is given; of these each kernel looks at its share

    @property
    def moved(self) -> np.ndarray | None:
        """How far each moved: the length of its change as a share of its length before, (filters,).

        Infinite for a kernel that was zero and is no longer.
        """
        if self.before is None:
            return None
        change = lengths(self.kernels - self.before)
        start = lengths(self.before)
        still = np.where(change > 0, np.inf, 0.0)
        return np.asarray(np.divide(change, start, out=still, where=start > 0))

    @property
    def order(self) -> np.ndarray:
        """Numbers of filters, those that moved furthest first; as they come where none trained: (filters,)."""
        moved = self.moved
        return np.arange(len(self.kernels)) if moved is None else np.argsort(-moved, kind="stable")


def lengths(kernels: np.ndarray) -> np.ndarray:
    """The length of each kernel as a vector: (filters,) float64."""
    return np.asarray(np.linalg.norm(kernels.reshape(len(kernels), -1).astype(np.float64), axis=1))


def first_filters(subject: Subject) -> Filters:
    """The convolution nearest to the input; BackboneError where the network has none."""
    for name, module in convolutions(subject):
        return filters_of(subject, name, module)
    raise BackboneError(
        f"{subject.name} has no two-dimensional convolution, so it has no filters to show;"
        " look at its patches or at the map of the images, or take a convolutional network such as embedded"
    )


def depthwise_filters(subject: Subject) -> tuple[Filters, ...]:
    """Every convolution that looks at one channel at a time, from input to output; () where there is none."""
    return tuple(filters_of(subject, name, module) for name, module in convolutions(subject) if is_depthwise(module))


def is_depthwise(module: nn.Conv2d) -> bool:
    """Whether each kernel looks at one channel, and at more than one place."""
    return module.groups == module.in_channels > 1 and max(module.kernel_size) > 1


def convolutions(subject: Subject) -> Iterator[tuple[str, nn.Conv2d]]:
    """The convolutions in the order in which the image comes to them, by their modules' names."""
    model, last = subject.backbone.model, subject.cuts[-1].node
    seen = set[str]()
    for node in subject.backbone.traced.graph.nodes:
        for name, module in modules_of(model, node):
            if isinstance(module, nn.Conv2d) and name not in seen:
                seen.add(name)
                yield name, module
        if node.name == last:
            return


def modules_of(model: nn.Module, node: fx.Node) -> Iterator[tuple[str, nn.Module]]:
    """The modules that a node of the graph calls, or whose weights it hands on where their own code was traced."""
    name = str(node.target)
    if node.op == "call_module":
        yield from model.get_submodule(name).named_modules(prefix=name)
    elif node.op == "get_attr":
        while name := name.rpartition(".")[0]:
            yield name, model.get_submodule(name)


def filters_of(subject: Subject, name: str, module: nn.Conv2d) -> Filters:
    """One convolution's kernels, and those of the same layer before training."""
    before = subject.before.model.get_submodule(name) if subject.before else None
    return Filters(name, applied(module), applied(before) if before is not None else None, module.in_channels)


class Watched(TorchFunctionMode):
    """Keeps the weights of the last convolution that is computed within."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: torch.Tensor | None = None

    def __torch_function__(self, function: Any, _types: Any, arguments: Any = (), named: Any = None) -> Any:
        """Compute as ever, and look at what a convolution is given."""
        if function in {torch.conv2d, nn.functional.conv2d}:
            self.weights = named["weight"] if named and "weight" in named else arguments[1]
        return function(*arguments, **(named or {}))


@torch.no_grad()
def applied(module: nn.Module) -> np.ndarray:
    """The weights that a convolution applies, which for some layers are not those that it keeps."""
    assert isinstance(module, nn.Conv2d)
    sides = [dilation * (side - 1) + 1 for side, dilation in zip(module.kernel_size, module.dilation, strict=True)]
    watched = Watched()
    if not module.training:
        with watched:
            module(module.weight.new_zeros(1, module.in_channels, *sides))
    weights = module.weight if watched.weights is None else watched.weights
    kernels: np.ndarray = weights.detach().float().cpu().numpy()
    return np.asarray(np.nan_to_num(kernels))
