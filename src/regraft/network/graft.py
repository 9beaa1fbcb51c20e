"""A graft: a network up to its cuts, frozen or trained, with a head on what is pooled there."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from regraft.network.backbone import Backbone
from regraft.network.cuts import Cut
from regraft.network.head import Head

if TYPE_CHECKING:
    from regraft.network.surgery import Grafted


@dataclass(frozen=True)
class Graft:
    """The parts of a new network; as a torch module it is put together when ``module`` is first asked for."""

    backbone: Backbone
    cuts: tuple[Cut, ...]  # whose features are joined for the head
    head: Head
    pooling: str = "average"  # over space, a name in POOLINGS

    @cached_property
    def module(self) -> "Grafted":
        """Images (n, 3, size, size) -> logits (n, classes)."""
        from regraft.network.surgery import graft

        return graft(self.backbone.model, self.backbone.traced, self.cuts, self.head.module(), self.pooling)

    @property
    def last_cut(self) -> Cut:
        """The one that lies furthest from the input."""
        return max(self.cuts, key=self.backbone.cuts.index)

    @property
    def complete(self) -> bool:
        """Whether all of the network is kept but the source's classifier."""
        return self.backbone.cuts[-1] in self.cuts and not self.backbone.ends_at

    @property
    def parameters(self) -> int:
        """How many parameters it has, frozen or not."""
        own = self.backbone.description.parameters[: self.backbone.cuts.index(self.last_cut) + 1]
        return sum(own) + self.head.parameters

    @cached_property
    def body_state(self) -> dict[str, np.ndarray]:
        """The parameters and buffers of the network up to the last cut, by name."""
        return self.backbone.state_up_to(self.last_cut)

    @property
    def timm_classifier(self) -> str:
        """Timm's name for the head, where timm would open the whole as one of its networks; else ""."""
        plain = self.cuts == self.backbone.cuts[-1:] and self.pooling == "average" and len(self.head.weights) == 1
        return self.backbone.description.classifier if plain else ""
