"""The pre-trained network: its architecture, weights, preprocessing and cuts."""

import copy
import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from torch import nn

from regraft.errors import BackboneError
from regraft.network.cuts import Traced, trace
from regraft.network.libraries import create, stages_of
from regraft.network.preprocessing import Preprocessing


@dataclass(frozen=True)
class Architecture:
    """What rebuilds a network without its weights."""

    library: str  # timm, torchvision or regraft
    name: str  # as that library calls it
    args: dict[str, Any] = field(default_factory=dict)  # keyword arguments of its constructor

    def build(self, classes: int | None = None) -> nn.Module:
        """The network with random weights; ``classes`` outputs where given, else as many as it has by default."""
        return create(self.library, self.name, self.args if classes is None else {**self.args, "num_classes": classes})


@dataclass(frozen=True)
class Backbone:
    """A network with its weights, ready to be cut."""

    name: str  # as the user named it
    architecture: Architecture
    model: nn.Module  # in evaluation mode, on the CPU, in float32
    preprocessing: Preprocessing
    source_classes: tuple[str, ...] = ()  # that the classifier tells apart, in order; () where it was left out
    notes: tuple[str, ...] = ()  # what the user should know of how the weights were loaded

    @cached_property
    def traced(self) -> Traced:
        """Its graph and cuts; BackboneError where it cannot be cut."""
        try:
            return trace(self.model, self.preprocessing.size, stages_of(self.model))
        except BackboneError as error:
            raise BackboneError(f"{self.name}: {error}") from None

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the architecture and of every weight and buffer."""
        digest = hashlib.blake2b(repr(self.architecture).encode(), digest_size=16)
        for name, value in self.model.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().view(-1).numpy().tobytes())
        return digest.hexdigest()

    def resized_to(self, size: int | None) -> "Backbone":
        """The same network for inputs of ``size`` pixels (None: unchanged)."""
        if size in {None, self.preprocessing.size}:
            return self
        return replace(self, preprocessing=self.preprocessing.resized_to(size))

    def copied(self) -> "Backbone":
        """The same with weights of its own; it is not traced again, since the graph names modules."""
        twin = replace(self, model=copy.deepcopy(self.model))
        vars(twin)["traced"] = self.traced
        return twin

    def fresh(self) -> "Backbone":
        """The same architecture with random weights."""
        return replace(self, model=self.architecture.build().eval(), source_classes=(), notes=())
