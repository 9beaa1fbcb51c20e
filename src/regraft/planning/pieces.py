"""What becomes of each part of a network in each of the four cases, as plain data."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

FROZEN, TRAINED, RANDOM = "kept, frozen", "kept, trained on", "random weights, trained"
NEW, REMOVED = "new head", "cut off"
STATES = (FROZEN, TRAINED, RANDOM, NEW, REMOVED)
CLASSIFIER, HEAD = "classifier", "new head"


@dataclass(frozen=True)
class Piece:
    """One part of a network, from a cut to the next, and what becomes of it."""

    name: str
    stride: int  # input pixels between neighbouring positions; 0 where no space is left
    state: str  # one of STATES


def surgery(
    strides: Sequence[tuple[str, int]], strategy: str, cuts: Collection[str] = (), unfreeze_from: str | None = None
) -> list[Piece]:
    """The pieces from the input to the output, the source's classifier and the new head last.

    ``strides``: every cut's name and stride. ``cuts``: those that the head takes, what lies behind them is cut off.
    """
    names = [name for name, _ in strides]
    last = max((names.index(cut) for cut in cuts), default=len(names) - 1)
    frozen_to = names.index(unfreeze_from) if unfreeze_from else -1
    pieces = []
    for place, (name, stride) in enumerate(strides):
        if place > last:
            state = REMOVED
        elif strategy == "from-scratch":
            state = RANDOM
        elif strategy == "fine-tune":
            state = FROZEN if place <= frozen_to else TRAINED
        else:
            state = FROZEN
        pieces.append(Piece(name, stride, state))
    return [*pieces, Piece(CLASSIFIER, 0, REMOVED), Piece(HEAD, 0, NEW)]
