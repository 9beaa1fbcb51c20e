"""What a classifier says of one image."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np

from regraft.data.images import IGNORED, Fault
from regraft.data.readers.paths import OTHER_FILE
from regraft.errors import DataError
from regraft.evaluation.deciding import UNSURE, Rule
from regraft.evaluation.known import Known
from regraft.features.familiar import NEAR
from regraft.visible import visible

LEAD = ("path", "class", "probability", "error", "known")  # columns before those of the probabilities
NEIGHBOURS = tuple(f"neighbour {place}" for place in range(1, NEAR + 1))
DECISION = "decision"  # the column that says how a rule came to the class, or to none
YES, NO = "yes", "no"
UNLIKE = ", unlike anything it was trained on"


@dataclass(frozen=True)
class Further:
    """What is wanted of an image besides its class and probabilities."""

    neighbours: bool = False  # the nearest training images
    rule: Rule | None = None  # which class is given, in place of the likeliest


NOTHING = Further()


@dataclass(frozen=True)
class Noted:
    """What an evaluation asks of one image besides its class."""

    short_side: int  # pixels of the file's shorter side
    brightness: float  # the mean grey of the network's input, 0 to 255
    answers: tuple[int, ...] = ()  # the class's id under each disturbance


@dataclass(frozen=True)
class Prediction:
    """What the classifier says of one image, or why it says nothing."""

    name: str  # its path, or its place among the images given
    classes: tuple[str, ...] = field(repr=False)
    probabilities: np.ndarray | None  # (classes,) float64
    fault: Fault | None = None
    identity: str = field(default="", repr=False)  # the hash of what it shows, where it was asked for
    noted: Noted | None = field(default=None, repr=False)  # likewise
    familiarity: Known | None = field(default=None, repr=False)  # None where it cannot be told

    @property
    def label(self) -> str | None:
        """The likeliest class."""
        return None if self.probabilities is None else self.classes[int(self.probabilities.argmax())]

    @property
    def probability(self) -> float | None:
        """Of that class."""
        return None if self.probabilities is None else float(self.probabilities.max())

    @property
    def known(self) -> bool | None:
        """Whether the run was trained on anything like it; None where that cannot be told."""
        return self.familiarity.known if self.familiarity else None

    @property
    def neighbours(self) -> tuple[str, ...]:
        """The training images most like it, the nearest first, as the data named them."""
        return self.familiarity.nearest if self.familiarity else ()

    def __repr__(self) -> str:
        """The image, its class and how sure, or why there is none."""
        said = f"{self.label} ({self.probability:.1%})" if self.fault is None else f"no class: {self.fault.reason}"
        return visible(f"{self.name}: {said}{UNLIKE if self.known is False else ''}")

    def as_dict(self, further: Further = NOTHING) -> dict[str, Any]:
        """Plain data, with what is wanted further; a file that cannot be read has its error alone."""
        p, probability, label = self.probabilities, self.probability, self.label
        said: dict[str, str | None] = {}
        if further.rule:
            said = {DECISION: None}
            if p is not None:
                place = int(further.rule.decide(p[None])[0])
                said[DECISION] = further.rule.word(place)
                label = None if place == UNSURE else self.classes[place]
                probability = probability if place == UNSURE else float(p[place])
        nearest = dict(zip_longest(NEIGHBOURS, self.neighbours)) if further.neighbours else {}
        return {
            "path": self.name,
            "class": label,
            "probability": None if probability is None else round(probability, 6),
            "error": f"{self.fault.kind}: {self.fault.reason}" if self.fault else None,
            "known": None if self.known is None else YES if self.known else NO,
            **said,
            **nearest,
            **{f"p({name})": None if p is None else round(float(p[i]), 6) for i, name in enumerate(self.classes)},
        }


def probabilities_of(predictions: Iterable[Prediction]) -> np.ndarray:
    """The probabilities (images, classes), float64; DataError where an image cannot be read.

    Files that are no images have no row.
    """
    rows = []
    for prediction in predictions:
        check_read(prediction.name, prediction.fault)
        if prediction.probabilities is not None:
            rows.append(prediction.probabilities)
    return np.array(rows)


def check_read(name: str, fault: Fault | None) -> None:
    """Raise DataError for an image that cannot be read; a file that is none is passed over."""
    if fault and (fault.kind, fault.action) != (OTHER_FILE, IGNORED):
        raise DataError(f"image {name} cannot be read: {fault.reason}; leave it out")


def columns_of(classes: Sequence[str], further: Further = NOTHING) -> tuple[str, ...]:
    """The names of what as_dict gives."""
    before = (*LEAD, *([DECISION] if further.rule else []), *(NEIGHBOURS if further.neighbours else ()))
    return (*before, *(f"p({name})" for name in classes))


@dataclass
class Tally:
    """What predictions came to, of which none is kept."""

    files: int = 0
    classes: Counter[str] = field(default_factory=Counter)  # predicted so often
    faults: Counter[str] = field(default_factory=Counter)  # by kind
    first: str = ""  # fault, and of what
    unlike: int = 0  # anything that the run was trained on
    unsure: int = 0  # without a class, by the rule

    def add(self, row: Mapping[str, Any]) -> None:
        """Count a prediction, as plain data."""
        self.files += 1
        if row["error"] is None:
            if row["class"] is None:
                self.unsure += 1
            else:
                self.classes[row["class"]] += 1
            self.unlike += row["known"] == NO
            return
        self.faults[row["error"].partition(":")[0]] += 1
        self.first = self.first or f"{row['path']}: {row['error']}"

    def counting(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The rows, each counted as it passes."""
        for row in rows:
            self.add(row)
            yield row

    @property
    def predicted(self) -> int:
        """How many files could be read."""
        return self.classes.total() + self.unsure

    def check(self) -> None:
        """Raise DataError where no image could be predicted."""
        if self.predicted:
            return
        files = "the one file is no image that can" if self.files == 1 else f"none of the {self.files:,} files can"
        raise DataError(f"{files} be predicted ({self.first}); give images that open in a viewer")
