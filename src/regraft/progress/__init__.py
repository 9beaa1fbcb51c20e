"""How a long piece of work says how far it is."""

from collections.abc import Mapping


class Progress:
    """What hears how far a piece of work is; this one shows nothing."""

    def __call__(self, stage: str, done: int, total: int, unit: str = "") -> None:
        """Hear how many are done, and of how many, in what is under way; ``unit``: what is counted, as "images"."""

    def limit(self, stage: str, seconds: float) -> None:
        """Hear that what is under way ends within so many seconds, however many are done by then."""

    def ended(self, stage: str, done: int, total: int, unit: str = "") -> None:
        """Hear that what was under way has ended, with so many done: all, or fewer."""
        self(stage, total, total, unit)

    def say(self, line: str) -> None:
        """Hear a line that stays."""

    def epoch(self, strategy: str, epochs: int, figures: Mapping[str, float]) -> None:
        """Hear the figures of one of so many epochs, by the names of history.csv; a line says them too."""


class WithoutLines(Progress):
    """Another one, that shows how far each piece is and no lines: there would be too many."""

    def __init__(self, shown: Progress) -> None:
        self.shown = shown

    def __call__(self, stage: str, done: int, total: int, unit: str = "") -> None:
        """Pass it on."""
        self.shown(stage, done, total, unit)

    def limit(self, stage: str, seconds: float) -> None:
        """Pass it on."""
        self.shown.limit(stage, seconds)

    def ended(self, stage: str, done: int, total: int, unit: str = "") -> None:
        """Pass it on."""
        self.shown.ended(stage, done, total, unit)


silent = Progress()
