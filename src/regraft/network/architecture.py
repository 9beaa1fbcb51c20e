"""What rebuilds a network without its weights; files may name one, so what it may say is limited.

A library's constructor takes addresses, paths and programs of its own. Here it gets the name of a network that it
registers itself, and the few arguments that regraft ever writes.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from regraft.errors import BackboneError
from regraft.strict_json import build as build_as

if TYPE_CHECKING:
    from torch import nn

LIBRARIES = ("timm", "torchvision", "regraft")
NAME = re.compile(r"\w{1,100}(\.\w{1,100})?", re.ASCII)  # with the tag of timm's weights
COUNT = 1_000_000  # outputs, or channels, that no network has more of
ABSENT = 1 << 30  # bytes of a network that its file may lack
ABSENT_TIMES = 100  # or so many times what it has: those of an early cut


@dataclass(frozen=True)
class Architecture:
    """What rebuilds a network; BackboneError for a library, name or argument that is not allowed."""

    library: str  # one of LIBRARIES
    name: str  # as that library calls it
    args: dict[str, Any] = field(default_factory=dict)  # keyword arguments of its constructor

    def __post_init__(self) -> None:
        """Refuse what is no plain name, and every argument but those in ARGUMENTS."""
        if self.library not in LIBRARIES:
            raise BackboneError(f"no network is built by '{self.library!s:.40}'; {' and '.join(LIBRARIES)} build some")
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise BackboneError(f"'{self.name!s:.60}' is no plain name of a network; no address and no path is taken")
        args = self.args if isinstance(self.args, Mapping) else {str(self.args)[:60]: None}
        for name, value in args.items():
            if name not in ARGUMENTS or not ARGUMENTS[name](value):
                raise BackboneError(f"a network takes no argument {name!s:.40} of {value!r:.40} from a file")

    def build(self, classes: int | None = None) -> "nn.Module":
        """The network with random weights; ``classes`` outputs where given, else as many as it has by default."""
        from regraft.network.libraries import create

        return create(self.library, self.name, self.args if classes is None else {**self.args, "num_classes": classes})

    def check_holds(self, state: Mapping[str, np.ndarray]) -> None:
        """Raise BackboneError where weights are not this network's, or too few for one so large; nothing is allocated.

        ``state``: weights and buffers by their names in the network; those of later layers may be absent.
        """
        import torch

        try:
            with torch.device("meta"), warnings.catch_warnings(action="ignore"):
                own = {name: (tuple(one.shape), one.element_size()) for name, one in self.build().state_dict().items()}
        except (RuntimeError, NotImplementedError):  # an older timm's, which computes with its weights
            return
        for name, value in state.items():
            if name not in own:
                raise BackboneError(f"{self.name} has no weights '{name[:60]}'")
            if own[name][0] != value.shape:
                raise BackboneError(f"{name} has the shape {value.shape}, and {own[name][0]} in {self.name}")
        absent = sum(prod(shape) * size for name, (shape, size) in own.items() if name not in state)
        if absent > max(ABSENT, ABSENT_TIMES * sum(value.nbytes for value in state.values())):
            raise BackboneError(f"{absent:,} bytes of the weights of {self.name} are missing")


def is_count(value: Any) -> bool:
    """Whether it is a number of things."""
    return type(value) is int and 0 < value <= COUNT


def are_channels(value: Any) -> bool:
    """Whether it is what the first embedded network had: the channels of four stages."""
    return isinstance(value, list | tuple) and len(value) == 4 and all(map(is_count, value))  # noqa: PLR2004


ARGUMENTS: dict[str, Callable[[Any], bool]] = {"num_classes": is_count, "channels": are_channels}


def architecture_from(values: Any) -> Architecture:
    """The architecture that a file names; Malformed or BackboneError."""
    return build_as(Architecture, values, "architecture")
