"""How much each training of a whole network may take: so many epochs, or so much time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from regraft.errors import RecipeError
from regraft.recipe.recipe import seconds_of

MINUTE = 60
LARGEST = 100_000  # epochs; a budget of time ends long before


@dataclass(frozen=True)
class Budget:
    """Of one training; frozen strategies take what they take."""

    epochs: int | None = None  # None: as many as each strategy has by itself
    seconds: float | None = None

    def __str__(self) -> str:
        """As people say it."""
        if self.seconds is None:
            return counted(self.epochs, "epoch") if self.epochs else "each strategy's own epochs"
        return counted(self.seconds, "second") if self.seconds < MINUTE else counted(self.seconds / MINUTE, "minute")


def counted(number: float, thing: str) -> str:
    """So many of a thing."""
    return f"{number:g} {thing}{'' if number == 1 else 's'}"


OWN = Budget()


def budgets_of(texts: Sequence[str | int]) -> tuple[Budget, ...]:
    """Budgets as they are entered: 10 (epochs), 90s, 5m, 1h; several at once with commas. None: the strategies' own."""
    words = [word.strip() for text in texts for word in str(text).split(",")]
    return tuple(dict.fromkeys(map(budget_of, words))) or (OWN,)


def budget_of(word: str) -> Budget:
    """One of them; RecipeError where it is none."""
    if re.fullmatch(r"[0-9]{1,6}", word) and 0 < int(word) <= LARGEST:
        return Budget(epochs=int(word))
    if re.fullmatch(r"[0-9]*\.?[0-9]+[smh]", word) and (seconds := seconds_of(word)) >= 1:
        return Budget(seconds=seconds)
    raise RecipeError(f"--budget is '{word[:40]}'; give epochs, as 10, or a time of a second or more, as 90s, 5m or 1h")
