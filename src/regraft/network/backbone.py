"""The pre-trained network: what is known of it, and the network itself where it is needed."""

import copy
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from regraft.errors import BackboneError
from regraft.network.architecture import Architecture
from regraft.network.cuts import Cut, find_cut
from regraft.network.description import Description
from regraft.network.origin import NOT_KNOWN, Origin
from regraft.network.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import nn

    from regraft.network.tracing import Traced

RANDOM = Origin("random numbers: no pre-trained weights")


@dataclass(frozen=True)
class Backbone:
    """A network with its weights, ready to be cut. It is built when ``model`` is first asked for."""

    name: str  # as the user named it
    architecture: Architecture
    build: Callable[[], "nn.Module"]  # the network with its weights
    preprocessing: Preprocessing
    source_classes: tuple[str, ...] = ()  # that the classifier tells apart, in order; () where it was left out
    loading_notes: tuple[str, ...] = ()  # what the user should know of how the weights were loaded
    weights: Path | None = None  # a safetensors file with them, under the network's own names
    steps: Path | None = None  # a file from which, with the weights, its graph is built without torch
    origin: Origin = NOT_KNOWN  # of the weights, and their licence
    ends_at: str = ""  # the cut behind which it has no weights, as a run of early layers; "": it is whole

    @cached_property
    def model(self) -> "nn.Module":
        """The network in evaluation mode, on the CPU, in float32."""
        return self.build().eval()

    @property
    def built(self) -> bool:
        """Whether the network is in memory."""
        return "model" in vars(self)

    @cached_property
    def traced(self) -> "Traced":
        """Its graph and cuts; BackboneError where it cannot be cut."""
        from regraft.network.libraries import stages_of
        from regraft.network.tracing import trace

        try:
            traced = trace(self.model, self.preprocessing.size, stages_of(self.model))
        except BackboneError as error:
            raise BackboneError(f"{self.name}: {error}") from None
        traced = traced.up_to(self.ends_at) if self.ends_at else traced
        known: Description | None = vars(self).get("description")
        if known and not same_places(known.cuts, traced.cuts):  # made with another version of timm
            del vars(self)["description"]
        return traced

    @cached_property
    def description(self) -> Description:
        """What is known of it, from the built network unless it was known before."""
        from regraft.network.describe import describe

        return describe(
            self.model, self.traced, self.architecture, self.preprocessing, self.source_classes, self.loading_notes
        )

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """Its cuts, from input to output."""
        return self.description.cuts

    def cut_of(self, name: str) -> Cut:
        """The cut by its name or an alias; BackboneError names the ones there are."""
        return find_cut(self.cuts, name)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of how the weights were loaded and the cuts were found."""
        return self.description.notes

    @property
    def fingerprint(self) -> str:
        """A hash of the architecture and of every weight and buffer."""
        return self.description.fingerprint

    def state_up_to(self, cut: Cut) -> dict[str, np.ndarray]:
        """Every parameter and buffer up to ``cut``, by name; from the weights' file where that will do."""
        stages = self.description.stages[: self.cuts.index(cut) + 1]
        names = [name for stage in stages for name in stage]
        if not self.built and self.weights:
            from safetensors.numpy import load_file

            with suppress(TypeError, KeyError):  # bfloat16, which NumPy lacks without ml_dtypes; other names
                state = load_file(self.weights)
                return {name: in_single(state[name]) for name in names}
        own = self.model.state_dict()
        return {name: own[name].detach().cpu().contiguous().numpy() for name in names}

    def ending_at(self, names: Sequence[str]) -> "Backbone":
        """The same without what lies behind the last of the cuts ``names``."""
        last = max((self.traced.cut_of(name) for name in names), key=self.traced.cuts.index)
        note = f"{self.name} kept its early layers only: the network ends at {last.name}"
        twin = replace(self, build=lambda: self.model, ends_at=last.name, loading_notes=(note,))
        vars(twin)["traced"] = self.traced.up_to(last.name)
        return twin

    def known_as(self, description: Description) -> "Backbone":
        """The same, with its description."""
        twin = replace(self)
        vars(twin)["description"] = description
        return twin

    def resized_to(self, size: int | None) -> "Backbone":
        """The same network for inputs of ``size`` pixels (None: unchanged)."""
        if size in {None, self.preprocessing.size}:
            return self
        return replace(self, build=lambda: self.model, preprocessing=self.preprocessing.resized_to(size))

    def copied(self) -> "Backbone":
        """The same with weights of its own, which may change: nothing kept for the first is taken for the copy.

        It is not traced again, since the graph names modules.
        """
        twin = replace(self, build=lambda: copy.deepcopy(self.model), weights=None, steps=None)
        vars(twin)["traced"] = self.traced
        vars(twin)["description"] = replace(self.description, fingerprint=f"copy-{uuid.uuid4().hex}")
        return twin

    def fresh(self) -> "Backbone":
        """The same architecture with random weights, drawn at once."""
        model = self.architecture.build()
        return replace(
            self, build=lambda: model, source_classes=(), loading_notes=(), weights=None, steps=None, origin=RANDOM
        )


def same_places(some: Sequence[Cut], others: Sequence[Cut]) -> bool:
    """Whether cuts lie at the same places; the share of the work before them hangs on the images' size."""
    without_share = ([replace(cut, share=0.0) for cut in cuts] for cuts in (some, others))
    return next(without_share) == next(without_share)


def in_single(array: np.ndarray) -> np.ndarray:
    """Floats in single precision, as the network has them; integers as they are."""
    return array if array.dtype.kind in "iub" else array.astype(np.float32)  # ml_dtypes' bfloat16 is of no kind "f"
