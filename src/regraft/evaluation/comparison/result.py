"""What a comparison of strategies gives."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regraft.evaluation.comparison import words
from regraft.evaluation.comparison.pictures import draw_curves, draw_strategies
from regraft.evaluation.comparison.table import Table
from regraft.visible import Shown

PAGE = "compare.html"


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """Every strategy's figures, and the plan's against them."""

    folder: Path
    data: str
    tables: tuple[Table, ...]  # with all training images: one for each budget
    curves: tuple[tuple[Table, ...], ...]  # for each budget, one table a size; () where no sizes were asked for
    repeats: int
    settings: int  # that each strategy chose from
    trainings: int  # that were done in this call
    notes: tuple[str, ...]

    def in_lines(self) -> Iterator[str]:
        """What the plan reaches, what that is worth, and where the rest is."""
        yield self.headline
        yield words.claim(self.tables[0], self.data)
        yield str(self.folder / PAGE)

    def drawn(self) -> Mapping[str, str]:
        """Its pictures, as SVG by name."""
        first = self.tables[0]
        rows = [(row.strategy, row.accuracy, row.low, row.high) for row in first.rows]
        sizes = {"sizes": draw_curves(self.curves[0])} if self.curves else {}
        return {"strategies": draw_strategies(rows, first.usual), **sizes}

    @property
    def headline(self) -> str:
        """What the plan reaches, in a sentence."""
        return words.headline(self.tables[0])

    @property
    def sentences(self) -> tuple[str, ...]:
        """What else it says."""
        return tuple(self.said())

    def said(self) -> Iterator[str]:
        """One sentence after the other."""
        for curve in self.curves:
            yield from words.curve_in_words(curve)
        yield words.claim(self.tables[0], self.data)
        if unfair := words.fairness([table.budget for table in self.tables]):
            yield unfair

    def as_dict(self) -> dict[str, Any]:
        """What ``compare --json`` prints."""
        return {
            "folder": str(self.folder),
            "page": str(self.folder / PAGE),
            "data": self.data,
            "repeats": self.repeats,
            "settings": self.settings,
            "trainings": self.trainings,
            "headline": self.headline,
            "tables": [words.with_words(table) for table in self.tables],
            "curves": [[table.as_dict() for table in curve] for curve in self.curves],
            "sentences": list(self.sentences),
            "notes": list(self.notes),
        }
