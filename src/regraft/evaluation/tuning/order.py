"""What is asked of a search."""

from collections.abc import Sequence
from dataclasses import dataclass

from regraft.data.find import Data
from regraft.evaluation.tuning.limits import Limits
from regraft.evaluation.tuning.space import Kinds, Space
from regraft.recipe import Recipe


@dataclass(frozen=True)
class Order:
    """All of it, checked."""

    data: Data
    recipe: Recipe  # without a time limit
    backbones: Sequence[tuple[str, str | None]]  # with their files; the first is the recipe's
    trials: int | None
    space: Space | None  # where somebody said it
    sampler: str
    limits: Limits
    time_limit: float | None  # seconds
    kinds: Kinds
    replaces: bool  # whether a run that is there is given up
