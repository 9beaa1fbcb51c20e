"""What was done to the network, as the picture of it and its caption need it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from regraft.network.cuts import word_for
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.training.result import Trained
from regraft.training.verdict import is_unchanged

HEADS = {"logistic": "a new head (logistic regression)", "discriminant": "a new head (linear discriminants)"}


@dataclass(frozen=True)
class Ran:
    """A strategy as it was carried out, or is to be."""

    strategy: str
    cuts: tuple[str, ...] = ()  # whose features the head takes; none: the last one's
    unfreeze_from: str | None = None  # the cut that the frozen layers of a fine-tuned network reach to
    solver: str = "logistic"
    joining: str = "concatenated"
    layers: int = 1  # of the head
    start_kept: bool = False  # whether the weights before the training of all layers validated best
    done: bool = True  # or only planned
    network: tuple[str, ...] = ()  # all its cuts, by which those above are pictured

    @classmethod
    def by(cls, recipe: Recipe, strategy: str, cuts: Sequence[str]) -> "Ran":
        """As a recipe says it."""
        head = recipe.head
        return cls(strategy, tuple(cuts), recipe.optimisation.unfreeze_from, head.solver, head.joining, head.layers)

    @classmethod
    def of(cls, trained: Trained, cuts: Sequence[str], network: Sequence[str] = ()) -> "Ran":
        """As a training went; ``network``: all cuts, for words that picture those of the head."""
        unchanged = is_unchanged(trained.history)
        return replace(cls.by(trained.recipe, trained.strategy, cuts), start_kept=unchanged, network=tuple(network))

    @classmethod
    def planned(cls, plan: Mapping[str, Any], recipe: Recipe) -> "Ran":
        """As the plan has it."""
        return replace(cls.by(recipe, plan["strategy"], plan["cuts"]), done=False)

    @property
    def title(self) -> str:
        """What stands before the words."""
        return "What you ran" if self.done else "What the plan says"

    @property
    def in_words(self) -> str:
        """One sentence, without its full stop."""
        if self.strategy == "from-scratch":
            return "every layer trained from random weights"
        if self.strategy not in FROZEN_STRATEGIES:
            rest = f"all layers behind {self.unfreeze_from}" if self.unfreeze_from else "every layer"
            start = f", starting from a head on {self.pictured}" if self.cuts else ""
            kept = "; that start validated best and was kept" if self.start_kept else ""
            return f"{rest} trained on from the pre-trained weights{start}{kept}"
        if len(self.cuts) > 1 and self.joining == "averaged":
            return f"the average of a new head each on {self.pictured}, all else frozen"
        joined = "the joined features of " if len(self.cuts) > 1 else ""
        on = f" on {joined}{self.pictured}" if self.cuts else ""
        head = HEADS[self.solver] if self.layers == 1 else f"a new head of {self.layers} layers"
        return f"{head}{on}, all else frozen"

    @property
    def pictured(self) -> str:
        """The cuts of the head by what a person can picture, where the whole network is known."""
        if not set(self.cuts) <= set(self.network):
            return listed(self.cuts)
        first, *between, last = self.cuts if len(self.cuts) > 1 else (*self.cuts, *self.cuts)
        ends = [word_for(self.network.index(name), len(self.network)) for name in (first, last)]
        if len(self.cuts) == 1:
            return f"{ends[0]} ({first})"
        if ends[0] == ends[1]:
            return f"{len(between) + 2} layers of {ends[0]} ({first} to {last})"
        return f"{len(between) + 2} layers, {ends[0]} ({first}) to {ends[1]} ({last})"


def listed(names: Sequence[str]) -> str:
    """A, b and c."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
