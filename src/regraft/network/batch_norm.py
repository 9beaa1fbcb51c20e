"""The source statistics that a batch-norm network carries itself: its running means and variances."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import fx, nn
from torch.nn import functional

from regraft.network.cuts import Cut, Traced

ARGUMENTS = ("input", "running_mean", "running_var")  # of torch's function


@dataclass(frozen=True)
class Norm:
    """A batch norm: where its input can be pooled, and what that input was over the source data."""

    place: Cut
    mean: torch.Tensor  # (channels,) float32
    std: torch.Tensor  # likewise


def norms_of(model: nn.Module, traced: Traced) -> dict[str, Norm]:
    """For each cut by name, the last batch norm between the cut before and itself, where there is one."""
    found: dict[str, Norm] = {}
    latest: Norm | None = None
    at = {cut.node: cut for cut in traced.cuts}
    for node in traced.graph.nodes:
        latest = next(norm_at(model, node), latest)
        if cut := at.get(node.name):
            if latest:
                found[cut.name] = latest
            latest = None
    return found


def norm_at(model: nn.Module, node: fx.Node) -> Iterator[Norm]:
    """The batch norm that ``node`` runs, if it does."""
    mean: torch.Tensor | None
    if node.op == "call_module" and isinstance(module := model.get_submodule(str(node.target)), nn.BatchNorm2d):
        mean, variance, value = module.running_mean, module.running_var, node.args[0]
    elif node.op == "call_function" and node.target is functional.batch_norm:
        given = [node.args[i] if len(node.args) > i else node.kwargs.get(name) for i, name in enumerate(ARGUMENTS)]
        if not all(isinstance(buffer, fx.Node) and buffer.op == "get_attr" for buffer in given[1:]):
            return
        value = given[0]
        mean, variance = (model.get_buffer(str(buffer.target)) for buffer in given[1:] if isinstance(buffer, fx.Node))
    else:
        return
    if mean is not None and variance is not None and isinstance(value, fx.Node):
        place = Cut(value.name, (), value.name, len(mean), (2, 3), 0, 0.0)  # a 2-d batch norm's input
        yield Norm(place, mean.detach().clone(), variance.detach().sqrt())
