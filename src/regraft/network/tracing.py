"""Finding the cuts: the places in a network where one tensor separates what came before from what comes after.

On the traced graph (torch.fx) these are the dominators of the output. They are reduced to a dozen or so
at module boundaries, each with its channels, stride and share of the network's multiply-adds.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import networkx
import torch
from torch import fx, nn
from torch.utils.flop_counter import FlopCounterMode

from regraft.errors import BackboneError, reason_of
from regraft.network.cuts import Cut, find_cut
from regraft.network.libraries import tracer_arguments

FEWEST, MOST = 6, 12  # cuts to report, where the network has as many
SPATIAL, TOKENS = 4, 3  # dimensions of (images, channels, height, width) and of (images, tokens, channels)


@dataclass(frozen=True)
class Traced:
    """A network's graph and its cuts, from input to output."""

    graph: fx.Graph
    cuts: tuple[Cut, ...]
    note: str | None = None  # what the user should know of how the graph was had
    multiply_adds: int = 0  # for one image, up to the output
    activations: int = 0  # values that one image leaves behind in a forward pass

    def cut_of(self, name: str) -> Cut:
        """The cut by its name or an alias; BackboneError names the ones there are."""
        return find_cut(self.cuts, name)

    def up_to(self, name: str) -> "Traced":
        """The same without what lies behind a cut."""
        last = self.cut_of(name)
        kept = self.cuts[: self.cuts.index(last) + 1]
        cuts = tuple(replace(cut, share=cut.share / (last.share or 1)) for cut in kept)
        return replace(self, cuts=cuts, multiply_adds=round(self.multiply_adds * last.share))


@dataclass(frozen=True)
class Place:
    """A dominator of the output with what was measured there."""

    node: fx.Node
    names: tuple[str, ...]  # modules that end here, outermost first
    shape: tuple[int, ...]
    multiply_adds: int  # spent up to here
    heavy: bool  # whether multiply-adds were spent since the place before
    weighted: bool  # whether parameters lie between the place before and here


def trace(model: nn.Module, size: int, stages: Collection[str] = ()) -> Traced:
    """Trace ``model`` in evaluation mode and find its cuts.

    ``size`` is the side in pixels of the square input that it is measured on. ``stages`` names modules
    that are taken whole when the network cannot be traced otherwise (timm's feature_info).
    """
    model.eval()
    note = None
    try:
        graph, owners = graph_of(model, ())
    except Exception as error:  # tracing runs the network's own code: any kind may come
        if not stages:
            raise BackboneError(f"this network cannot be traced, so it cannot be cut: {reason_of(error)}") from None
        note = f"its stages are taken whole, since they cannot be traced ({reason_of(error)})"
        try:
            graph, owners = graph_of(model, tuple(stages))
        except Exception as again:
            raise BackboneError(f"this network cannot be traced, so it cannot be cut: {reason_of(again)}") from None
    places, activations = places_of(model, graph, owners, size)
    ends = [i for i, place in enumerate(places) if place.heavy]
    if len(ends) <= 1:
        raise BackboneError("this network has a single layer, so there is nothing to cut; name a deeper backbone")
    headless = getattr(model, "num_classes", None) == 0  # as timm's networks that were trained without labels
    body = places if headless else places[: ends[-1]]  # else the last heavy place is the source's classifier
    chosen = choose([best for segment in segments(body) if (best := representative(segment, model))])
    if not chosen:
        raise BackboneError("no module of this network ends where it can be cut; name another backbone")
    total = places[-1].multiply_adds
    cuts = tuple(cut_from(place, size, total) for place in chosen)
    return Traced(graph, cuts, note, total, activations)


def graph_of(model: nn.Module, stages: tuple[str, ...]) -> tuple[fx.Graph, dict[fx.Node, str]]:
    """The traced graph, and for each node the qualified name of where it was made."""
    from torchvision.models.feature_extraction import NodePathTracer

    untraced = {id(model.get_submodule(name)) for name in stages}

    class Tracer(NodePathTracer):  # type: ignore[misc]
        def is_leaf_module(self, m: nn.Module, module_qualname: str) -> bool:
            return id(m) in untraced or bool(super().is_leaf_module(m, module_qualname))

    tracer = Tracer(**tracer_arguments())
    graph = tracer.trace(model)
    return graph, dict(tracer.node_to_qualname)


def dominators(graph: fx.Graph) -> list[fx.Node]:
    """The nodes through which every path from the input to the output goes, in order."""
    start = next(node for node in graph.nodes if node.op == "placeholder")
    end = next(node for node in graph.nodes if node.op == "output")
    edges = networkx.DiGraph([(node, user) for node in graph.nodes for user in node.users])
    above = networkx.immediate_dominators(edges, start)
    chain, node = [], above.get(end)
    while node is not None and node is not start:
        chain.append(node)
        node = above.get(node)
    return chain[::-1]


class Meter(fx.Interpreter):
    """Runs a graph once and notes each node's output shape and multiply-adds."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        super().__init__(model, graph=graph)
        self.shapes: dict[fx.Node, tuple[int, ...]] = {}
        self.multiply_adds: dict[fx.Node, int] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run ``n`` under torch's flop counter."""
        with FlopCounterMode(display=False) as counter:
            result = super().run_node(n)
        self.multiply_adds[n] = counter.get_total_flops() // 2
        if isinstance(result, torch.Tensor):
            self.shapes[n] = tuple(result.shape)
        return result


def places_of(model: nn.Module, graph: fx.Graph, owners: dict[fx.Node, str], size: int) -> tuple[list[Place], int]:
    """Every dominator whose value is a tensor, measured on one image, and how many values that image leaves behind."""
    meter = Meter(model, graph)
    try:
        with torch.no_grad():
            meter.run(torch.zeros(1, 3, size, size))
    except (RuntimeError, AssertionError) as error:  # a map that has shrunk to nothing, or a fixed number of inputs
        raise BackboneError(
            f"this network takes no inputs of {size} pixels ({reason_of(error)}); use another --image-size,"
            " best the backbone's own"
        ) from None
    names = ends_of_modules(model, graph, owners)
    order = {node: i for i, node in enumerate(graph.nodes)}
    spent, places, before = 0, [], -1
    nodes = list(graph.nodes)
    for node in dominators(graph):
        between = nodes[before + 1 : order[node] + 1]
        cost = sum(meter.multiply_adds.get(n, 0) for n in between)
        spent, before = spent + cost, order[node]
        if node in meter.shapes:
            weighted = any(has_parameters(model, n) for n in between)
            places.append(Place(node, names.get(node, ()), meter.shapes[node], spent, cost > 0, weighted))
    return places, sum(math.prod(shape) for shape in meter.shapes.values())


def has_parameters(model: nn.Module, node: fx.Node) -> bool:
    """Whether running ``node`` uses parameters of ``model``."""
    if node.op == "call_module":
        return any(True for _ in model.get_submodule(str(node.target)).parameters())
    return node.op == "get_attr"


def ends_of_modules(model: nn.Module, graph: fx.Graph, owners: dict[fx.Node, str]) -> dict[fx.Node, tuple[str, ...]]:
    """For each node, the modules whose last node it is, outermost first."""
    modules = {name for name, _ in model.named_modules() if name}
    last: dict[str, fx.Node] = {}
    for node in graph.nodes:
        parts = owners.get(node, "").split(".")
        for depth in range(1, len(parts) + 1):
            name = ".".join(parts[:depth])
            if name in modules and node.op not in {"get_attr", "placeholder", "output"}:
                last[name] = node
    ends: dict[fx.Node, tuple[str, ...]] = {}
    for name in sorted(last, key=lambda name: (name.count("."), name)):
        ends[last[name]] = (*ends.get(last[name], ()), name)
    return ends


def segments(places: list[Place]) -> list[list[Place]]:
    """Split where computing starts anew, and where weights follow the loss of space (a norm after the pool)."""
    parts: list[list[Place]] = []
    for place in places:
        collapsed = bool(parts) and not space_of(place) and any(space_of(p) for p in parts[-1])
        if not parts or place.heavy or (collapsed and place.weighted):
            parts.append([])
        parts[-1].append(place)
    return parts


def representative(segment: list[Place], model: nn.Module) -> Place | None:
    """The segment's place to report: the last of the outermost module ends, among those that still have space."""
    idle = (nn.Identity, nn.Dropout, nn.Flatten)
    named = [place for place in segment if place.names and not isinstance(model.get_submodule(place.names[0]), idle)]
    spatial = [place for place in named if space_of(place)]
    if not named:
        return None
    depth = min(place.names[0].count(".") for place in spatial or named)
    return [place for place in spatial or named if place.names[0].count(".") == depth][-1]


def choose(places: list[Place]) -> list[Place]:
    """Take whole levels of module depth until there are enough; thin the last one evenly over the multiply-adds."""
    last = places[-1:]
    chosen = list(last)
    for depth in sorted({place.names[0].count(".") for place in places}):
        level = [p for p in places if p.names[0].count(".") == depth and p not in chosen]
        while level and len(chosen) < MOST:
            if len(chosen) + len(level) <= MOST:
                chosen += level
                break
            farthest = max(level, key=lambda p: min(abs(p.multiply_adds - c.multiply_adds) for c in chosen))
            chosen.append(farthest)
            level.remove(farthest)
        if len(chosen) >= FEWEST:
            break
    return [place for place in places if place in chosen]


def space_of(place: Place) -> tuple[int, ...]:
    """The dimensions over which to pool; () where no space is left."""
    axes = axes_of(place.shape)
    return axes if any(place.shape[axis] > 1 for axis in axes) else ()


def axes_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The dimensions that are neither images nor channels; channels come last where the two before them agree."""
    if len(shape) == TOKENS:
        return (1,)
    if len(shape) != SPATIAL:
        return ()
    return (1, 2) if shape[1] == shape[2] != shape[3] else (2, 3)


def cut_from(place: Place, size: int, total: int) -> Cut:
    """What the user sees of a place."""
    axes = axes_of(place.shape)
    channels = next(n for axis, n in enumerate(place.shape) if axis > 0 and axis not in axes)
    grid = len(axes) > 1 and bool(space_of(place))
    stride = round(size / place.shape[axes[-1]]) if grid else 0
    return Cut(place.names[0], place.names[1:], place.node.name, channels, axes, stride, place.multiply_adds / total)
