"""A cut: a named place where a network can be sliced, with one tensor flowing through."""

from collections.abc import Sequence
from dataclasses import dataclass

from regraft.errors import BackboneError

DEPTHS = ("edges", "textures", "parts", "objects")  # from input to output
POOLINGS = {"average": ("mean",), "max": ("max",), "both": ("mean", "max")}  # over space, by the recipe's names


@dataclass(frozen=True)
class Cut:
    """One place to slice a network."""

    name: str  # the outermost module whose output this is
    aliases: tuple[str, ...]  # the modules inside it that end at the same place
    node: str  # the graph node that produces the tensor
    channels: int  # features that remain of the tensor after pooling over space
    axes: tuple[int, ...]  # the tensor's dimensions that are space, to pool over; () where it has none
    stride: int  # input pixels between neighbouring positions; 0 where no space is left
    share: float  # of the network's multiply-adds, spent up to here


def pictured(cut: Cut, cuts: Sequence[Cut]) -> str:
    """What layers at the depth of ``cut`` are known for (Zeiler and Fergus, 2014), which a person can picture."""
    return word_for(cuts.index(cut), len(cuts))


def word_for(place: int, cuts: int) -> str:
    """The same by the cut's place among so many, from 0."""
    return DEPTHS[min(len(DEPTHS) - 1, place * len(DEPTHS) // cuts)]


def find_cut(cuts: Sequence[Cut], name: str) -> Cut:
    """The cut by its name or an alias; BackboneError names the ones there are."""
    for cut in cuts:
        if name == cut.name or name in cut.aliases:
            return cut
    raise BackboneError(f"no cut '{name}' in this network; its cuts are {', '.join(cut.name for cut in cuts)}")
