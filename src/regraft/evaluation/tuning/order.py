"""What is asked of a search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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
    given: Mapping[str, Any] = field(default_factory=dict)  # what was asked beside the recipe, as it was given

    def call(self, of_train: str) -> str:
        """The call of ``tune`` that was made, from that of ``train`` with the same recipe; a command stays one."""
        start = "regraft.train("
        if not of_train.startswith(start):
            return of_train
        more = "".join(f", {name}={value!r}" for name, value in self.given.items())
        return f"regraft.tune({of_train.removeprefix(start)[:-1]}{more})"
