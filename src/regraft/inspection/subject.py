"""A network to look at: a backbone as others trained it, or what a run made of one."""

import copy
import math
import operator
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from regraft.data.rendering import PLAIN, Rendering, from_dict
from regraft.errors import BackboneError, RegraftError, RunError
from regraft.inspection.kept_pixels import KeptPixels
from regraft.network.backbone import Backbone
from regraft.network.cuts import POOLINGS, Cut
from regraft.network.engine import (
    FLOAT32,
    OPENVINO_BATCH,
    PRECISIONS,
    PYTORCH,
    Engine,
    best_engine,
    compile_pass,
    openvino_engine,
    pytorch_engine,
)
from regraft.network.graft import Graft
from regraft.network.load import load as load_backbone
from regraft.network.preprocessing import Preprocessing
from regraft.network.saved import load
from regraft.network.surgery import POOLS
from regraft.recipe import MAX_PIXELS, read_recipe

IN_PLACE: dict[Any, Any] = {operator.iadd: operator.add, operator.isub: operator.sub, operator.imul: operator.mul}
HEAD = "regraft_head"


@dataclass(frozen=True)
class Subject:
    """What is looked at."""

    name: str  # of the backbone, or the run's folder
    backbone: Backbone  # with the weights that are looked at
    classes: tuple[str, ...]  # that the logits stand for; () where they have no names
    graft: Graft | None = None  # of a run
    before: Backbone | None = None  # of a run that trained its layers: the network that it started from
    strategy: str = ""  # of a run
    rendering: Rendering = PLAIN  # how files become 8-bit images
    max_pixels: int = MAX_PIXELS  # of a file; larger ones are left out
    folder: Path | None = None  # of a run
    notes: tuple[str, ...] = ()  # what the user should know of how it was had
    kept: KeptPixels = field(default_factory=KeptPixels, repr=False, compare=False)  # also of what it is replaced by

    @property
    def preprocessing(self) -> Preprocessing:
        """From an RGB image to the network's pixels."""
        return self.backbone.preprocessing

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """The places to look at, from input to output; those that a run threw away are left out."""
        cuts = self.backbone.cuts
        return cuts[: cuts.index(self.graft.last_cut) + 1] if self.graft else cuts

    @property
    def spatial_cuts(self) -> tuple[Cut, ...]:
        """Those where a value has a place in the image."""
        return tuple(cut for cut in self.cuts if len(cut.axes) > 1 and cut.stride)

    def cut_of(self, name: str) -> Cut:
        """The cut by its name or an alias; BackboneError names the ones there are."""
        cut = self.backbone.cut_of(name)
        if cut not in self.cuts:
            names = ", ".join(cut.name for cut in self.cuts)
            raise BackboneError(f"this run has no layers behind {self.cuts[-1].name}, so no '{name}'; it has {names}")
        return cut

    @cached_property
    def frozen_copy(self) -> nn.Module:
        """The network's modules for reading: evaluation mode, no parameter wants a gradient, nothing is in place."""
        model = copy.deepcopy(self.backbone.model).eval().requires_grad_(False)
        for module in model.modules():
            if hasattr(module, "inplace"):
                setattr(module, "inplace", False)  # noqa: B010 - modules have no such attribute in general
        if self.graft:
            model.add_module(HEAD, self.graft.head.module().eval().requires_grad_(False))
        return model

    def tapped(self, cuts: Sequence[Cut] = (), start: Cut | None = None) -> fx.GraphModule:
        """Images (n, 3, size, size) -> a tuple of the values at ``cuts``, in order, and the logits last.

        The values lie on the way to the logits, so that gradients of one with respect to another can be taken. From
        ``start`` on the network takes the value there in place of images.
        """
        graph, copies = fx.Graph(), dict[fx.Node, fx.Node]()
        ends = self.graft.cuts if self.graft else ()
        wanted = {cut.node for cut in (*cuts, *ends)}
        missing = len(wanted)
        for node in self.backbone.traced.graph.nodes:
            if node.op == "output" or (self.graft and not missing):
                break
            if start and node.name == start.node:
                copies[node] = graph.placeholder("value")
            elif start and node.op == "placeholder":
                continue
            elif all(argument in copies for argument in node.all_input_nodes):
                copies[node] = graph.node_copy(node, lambda old: copies[old])
                copies[node].target = IN_PLACE.get(copies[node].target, copies[node].target)
            missing -= node.name in wanted
        named = {node.name: copied for node, copied in copies.items()}
        outputs = [named[cut.node] for cut in cuts]
        graph.output((*outputs, self.logits_node(graph, copies, named)))
        tapped = fx.GraphModule(self.frozen_copy, graph)
        tapped.graph.eliminate_dead_code()
        tapped.recompile()
        return tapped

    def logits_node(self, graph: fx.Graph, copies: dict[fx.Node, fx.Node], named: dict[str, fx.Node]) -> fx.Node:
        """The network's answer, added to ``graph``."""
        if not self.graft:
            end = next(node for node in self.backbone.traced.graph.nodes if node.op == "output")
            return copies[end.args[0]]
        pooled = [
            graph.call_function(POOLS[pool], (named[cut.node], cut.axes))
            for pool in POOLINGS[self.graft.pooling]
            for cut in self.graft.cuts
        ]
        joined = graph.call_function(torch.cat, (pooled, 1))
        return graph.call_module(HEAD, (joined,))

    def input_of(self, pixels: Any) -> torch.Tensor:
        """Pixels (n, size, size, 3) uint8 -> the network's input (n, 3, size, size) float32."""
        return self.preprocessing.normalise(torch.tensor(np.asarray(pixels)))

    @cached_property
    def engine(self) -> Engine:
        """Pixels (n, size, size, 3) uint8 -> logits, by OpenVINO where it can, which is several times faster."""
        name = FLOAT32 if best_engine("cpu") in PRECISIONS else PYTORCH
        if self.graft and name == FLOAT32:
            from regraft.network import openvino_graph

            with suppress(Exception):  # an operation that OpenVINO lacks: its errors share no kind
                return openvino_engine(openvino_graph.graph_of_graft(self.graft), name, OPENVINO_BATCH)
        if self.graft:
            return pytorch_engine(self.tapped(), self.preprocessing, "cpu")
        return compile_pass(self.backbone, (), (), True, "cpu", name)

    def as_before(self) -> "Subject":
        """The network that a run started from, looked at with the run's head; RunError where there is none."""
        if self.before is None or self.graft is None:
            why = {
                "fine-tune": " ".join(self.notes),
                "from-scratch": "it started from random weights, not from a pre-trained network",
                "": "it is no run",
            }.get(self.strategy, "it trained no layer")
            raise RunError(f"{self.name} has no network before to compare with: {why}; give a fine-tuned run")
        return replace(self, backbone=self.before, graft=replace(self.graft, backbone=self.before), before=None)


def maps_of(value: torch.Tensor, cut: Cut) -> torch.Tensor:
    """A value at a cut -> (n, channels, height, width), whatever its layout.

    Of tokens (n, tokens, channels) those that are no places (a class token) are left out; where no space is left height
    and width are 1.
    """
    if cut.axes == (2, 3):
        return value
    if cut.axes == (1, 2):
        return value.permute(0, 3, 1, 2)
    if cut.axes == (1,):
        side = math.isqrt(value.shape[1])
        return value[:, -side * side :].transpose(1, 2).reshape(len(value), -1, side, side)
    return value[:, :, None, None]


def subject_of(
    name: str | PathLike[str], weights: str | None = None, image_size: int | None = None, weights_key: str | None = None
) -> Subject:
    """A run folder, or a backbone by name, to look at. Raises RunError or BackboneError where it is neither."""
    folder = Path(name)
    if folder.is_dir():
        if weights or image_size or weights_key:
            raise BackboneError(f"{name} is a run, which has its own weights and image size; leave those options out")
        return subject_of_run(folder)
    backbone = load_backbone(str(name), weights, image_size, weights_key)
    return Subject(str(name), backbone, backbone.source_classes, notes=backbone.notes)


def subject_of_run(folder: Path) -> Subject:
    """What a run made of its backbone, and that as it was before."""
    saved = load(folder / "model" if (folder / "model").is_dir() else folder)
    before, notes = None, tuple[str, ...]()
    if saved.strategy == "fine-tune":
        try:
            before = started_from(folder)
        except RegraftError as error:
            notes = (f"the network before training cannot be had: {error}",)
    return Subject(
        str(folder),
        saved.graft.backbone,
        saved.classes,
        saved.graft,
        before,
        saved.strategy,
        from_dict(saved.rendering) if saved.rendering else PLAIN,
        folder=folder,
        notes=notes,
    )


def started_from(folder: Path) -> Backbone:
    """The pre-trained network that a run in ``folder`` started from."""
    network, model = read_recipe(folder / "recipe.json").network, load(folder / "model")
    return load_backbone(network.backbone, network.weights, model.preprocessing.size, network.weights_key)
