"""Surgery: slice a network at its cuts, drop what comes after, freeze what stays, put a new head on it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import fx, nn

from regraft.network.cuts import POOLINGS, Cut
from regraft.network.libraries import tracer_arguments
from regraft.network.state import hash_of_state, state_of
from regraft.network.tracing import Traced


def mean_over(value: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """Average over space: any layout -> (images, channels)."""
    return value.mean(axes) if axes else value


def max_over(value: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """Largest value over space: any layout -> (images, channels)."""
    return value.amax(axes) if axes else value


def rms_over(value: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """Root of the mean square over space: any layout -> (images, channels)."""
    return value.square().mean(axes).sqrt() if axes else value.abs()


def whole(value: torch.Tensor, _axes: tuple[int, ...]) -> torch.Tensor:
    """The value as it is, before a later operation may change it in place."""
    return value.clone()


POOLS = {"mean": mean_over, "max": max_over, "rms": rms_over, "whole": whole}


def pooled_network(
    model: nn.Module, traced: Traced, cuts: Sequence[Cut], pools: Sequence[str] = ("mean",), logits: bool = False
) -> fx.GraphModule:
    """The network up to the last of ``cuts``: images -> a tuple of pooled features (images, channels).

    The tuple has one entry a cut for the first of ``pools`` (keys of POOLS), then one a cut for the next; with
    ``logits`` the network's own output comes last. A value is pooled where it is produced, since a later in-place
    operation may change it. What comes after the last cut is dropped, unless the output is wanted.
    """
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    pooled: dict[tuple[str, str], fx.Node] = {}
    wanted = {cut.node: cut for cut in cuts}
    for node in traced.graph.nodes:
        if node.op == "output" or (not logits and len(pooled) == len(wanted) * len(pools)):
            break
        copies[node] = graph.node_copy(node, lambda old: copies[old])
        if cut := wanted.get(node.name):
            for pool in pools:
                pooled[pool, node.name] = graph.call_function(POOLS[pool], (copies[node], cut.axes))
    outputs = [pooled[pool, cut.node] for pool in pools for cut in cuts]
    if logits:
        end = next(node for node in traced.graph.nodes if node.op == "output")
        outputs.append(copies[end.args[0]])
    graph.output(tuple(outputs))
    return fx.GraphModule(model, graph).eval()


def new_head(inputs: int, outputs: int, layers: int, hidden: int, initialiser: str) -> nn.Sequential:
    """One linear layer, or two with a ReLU between; weights by ``torch.nn.init``, biases zero."""
    widths = [inputs, outputs] if layers == 1 else [inputs, hidden, outputs]
    modules: list[nn.Module] = []
    for before, after in pairwise(widths):
        linear = nn.Linear(before, after)
        getattr(nn.init, initialiser)(linear.weight)
        nn.init.zeros_(linear.bias)
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


class Grafted(nn.Module):
    """A frozen body and a head on its pooled features: images (n, 3, h, w) -> logits (n, classes)."""

    def __init__(self, body: fx.GraphModule, head: nn.Sequential) -> None:
        super().__init__()
        self.body = body.requires_grad_(False)
        self.head = head
        self.train(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits; the features of several cuts are joined."""
        logits: torch.Tensor = self.head(torch.cat(self.body(images), dim=1))
        return logits

    def train(self, mode: bool = True) -> "Grafted":
        """Set the head's mode; the frozen body stays in evaluation mode whatever ``mode`` says."""
        super().train(mode)
        self.body.eval()
        return self

    def parameter_counts(self) -> tuple[int, int]:
        """Numbers of trainable and of frozen parameters."""
        trainable = sum(p.numel() for p in self.parameters() if p.requires_grad)
        return trainable, sum(p.numel() for p in self.parameters()) - trainable


class WithFeatures(nn.Module):
    """A grafted network that hands out what its head takes, too: images (n, 3, h, w) -> logits, features."""

    def __init__(self, grafted: Grafted) -> None:
        super().__init__()
        self.grafted = grafted

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, classes) and features (n, channels)."""
        features = torch.cat(self.grafted.body(images), dim=1)
        return self.grafted.head(features), features


def state_hash(module: nn.Module) -> str:
    """A hash of every parameter and buffer of a module."""
    return hash_of_state(state_of(module))


def graft(
    model: nn.Module, traced: Traced, cuts: Sequence[Cut], head: nn.Sequential, pooling: str = "average"
) -> Grafted:
    """Keep the network up to the last of ``cuts``, frozen, and put ``head`` on the features pooled as POOLINGS says."""
    return Grafted(pooled_network(model, traced, cuts, POOLINGS[pooling]), head)


class Tunable(nn.Module):
    """A body whose layers train, and a head: images (n, 3, h, w) -> logits (n, classes).

    The body is traced once for training and once for evaluation and shares its parameters with the original
    network, so that ``graft`` of that network has the tuned weights.
    """

    def __init__(
        self, model: nn.Module, traced: Traced, cuts: Sequence[Cut], head: nn.Sequential, pooling: str = "average"
    ) -> None:
        super().__init__()
        self.body = dual_body(model, cuts, POOLINGS[pooling])
        self.head = head
        self.kept_in_evaluation: list[nn.Module] = []
        self.stages = stages_between(model, traced, max(cuts, key=traced.cuts.index))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits; the features of several cuts are joined."""
        logits: torch.Tensor = self.head(torch.cat(self.body(images), dim=1))
        return logits

    def train(self, mode: bool = True) -> "Tunable":
        """Set the mode; frozen layers and frozen norms stay in evaluation mode."""
        super().train(mode)
        for module in self.kept_in_evaluation:
            module.eval()
        return self

    def freeze_norms(self) -> None:
        """Keep batch norm's running statistics as they are; its scales and shifts still train."""
        self.kept_in_evaluation += [m for m in self.body.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]

    def has_adapting_norms(self) -> bool:
        """Whether some batch norm's running statistics change in training."""
        frozen = {id(module) for module in self.kept_in_evaluation}
        return any(isinstance(m, nn.modules.batchnorm._BatchNorm) and id(m) not in frozen for m in self.body.modules())

    def freeze_up_to(self, model: nn.Module, traced: Traced, cut: Cut) -> None:
        """Freeze every layer up to ``cut``: parameters, buffers and mode."""
        frozen = {id(p) for p in pooled_network(model, traced, [cut]).parameters()}
        for parameter in self.body.parameters():
            if id(parameter) in frozen:
                parameter.requires_grad_(False)
        below = {str(node.target) for node in nodes_up_to(traced, cut) if node.op == "call_module"}
        self.kept_in_evaluation += [module for name, module in model.named_modules() if name in below]


def nodes_up_to(traced: Traced, cut: Cut) -> list[fx.Node]:
    """The graph's nodes from the input to ``cut``."""
    nodes = list(traced.graph.nodes)
    return nodes[: 1 + next(i for i, node in enumerate(nodes) if node.name == cut.node)]


def dual_body(model: nn.Module, cuts: Sequence[Cut], pools: Sequence[str]) -> nn.Module:
    """The original network, traced for training and for evaluation (torchvision's feature extractor).

    Images -> a tuple of pooled features (images, channels), as ``pooled_network`` orders them; each value is pooled
    where it is produced.
    """
    from torchvision.models.feature_extraction import create_feature_extractor

    body: Any = create_feature_extractor(
        model, {cut.name: cut.name for cut in cuts}, tracer_kwargs=tracer_arguments(), suppress_diff_warning=True
    )
    for graph in (body.train_graph, body.eval_graph):
        output = next(node for node in graph.nodes if node.op == "output")
        values, pooled = output.args[0], []
        for pool in pools:
            for cut in cuts:
                with graph.inserting_after(values[cut.name]):
                    pooled.append(graph.call_function(POOLS[pool], (values[cut.name], cut.axes)))
        output.args = (tuple(pooled),)
    body.graph = body.train_graph if body.training else body.eval_graph  # compiles it
    trained: nn.Module = body.requires_grad_(True)
    return trained


def stages_between(model: nn.Module, traced: Traced, last: Cut) -> list[list[nn.Parameter]]:
    """The parameters that each cut adds to the one before it, from the input to ``last``."""
    seen: set[int] = set()
    stages: list[list[nn.Parameter]] = []
    for cut in traced.cuts[: traced.cuts.index(last) + 1]:
        added = [p for p in pooled_network(model, traced, [cut]).parameters() if id(p) not in seen]
        seen |= {id(p) for p in added}
        stages.append(added)
    return stages
