"""Images whose labels a person should look at, and why: the surest doubts first, each image once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from regraft.data.split import Split
from regraft.features.features import Features
from regraft.features.label_issues import issues_among, probe_probabilities
from regraft.features.near_duplicates import find_contradictions

CONTRADICTION, MISTAKE, DOUBT = "near-duplicate", "mistake", "label issue"
COLUMNS = (
    "path",
    "part",
    "label",
    "suggested",
    "probability",
    "label_probability",
    "kinds",
    "reason",
    "near_duplicate",
)
CONFIDENT = 0.5  # by so much a held-out image's other class is likelier than its own, to be a confident mistake


@dataclass(frozen=True)
class Item:
    """One image to look at."""

    row: int
    path: str
    part: str  # train, val or test
    label: str  # that it has now
    was: str  # that the data gives
    suggested: str
    probability: float  # of what is suggested
    own: float  # of the label that it has
    kinds: tuple[str, ...]  # why it is looked at
    reasons: tuple[str, ...]  # in words, by kind
    hash: str  # of its bytes
    other: str = ""  # the image that it contradicts
    other_row: int | None = None

    @property
    def reason(self) -> str:
        """All of them."""
        return "; ".join(self.reasons)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as ``review --list --json`` prints it."""
        return {
            "path": self.path,
            "part": self.part,
            "label": self.label,
            "suggested": self.suggested,
            "probability": round(self.probability, 4),
            "label_probability": round(self.own, 4),
            "kinds": list(self.kinds),
            "reason": self.reason,
            "reasons": list(self.reasons),
            "near_duplicate": self.other,
        }


@dataclass
class Doubt:
    """What speaks against an image's label."""

    suggested: int = -1
    probability: float = 0.0
    own: float = 0.0
    other: int | None = None
    said: dict[str, str] = field(default_factory=dict)  # reasons in words, by kind

    @property
    def weight(self) -> tuple[bool, float]:
        """The larger, the earlier it is looked at: contradictions first, then by the other class's lead."""
        return self.other is not None, self.probability - self.own


def items_of(
    features: Features, split: Split, seed: int, answers: Mapping[int, np.ndarray], workers: int
) -> list[Item]:
    """What to look at; ``answers``: of images held out from the run its probabilities (classes,), by row.

    An image whose label a person has looked at already is not among them.
    """
    classes, files, labels = features.images.classes, features.images.files, features.labels
    doubts: defaultdict[int, Doubt] = defaultdict(Doubt)
    probabilities = probe_probabilities(features, seed)
    if probabilities is not None:
        for issue in issues_among(features, probabilities):
            doubt = doubts[issue.row]
            doubt.suggested, doubt.probability, doubt.own = issue.label, issue.probability, issue.own
            doubt.said[DOUBT] = (
                f"simple classifiers that never saw it say '{classes[issue.label]}' ({issue.probability:.0%})"
            )
    for row, answer in answers.items():
        best, own = int(answer.argmax()), float(answer[labels[row]])
        if float(answer[best]) - own < CONFIDENT or files[row].was is not None:
            continue
        doubt = doubts[row]
        if float(answer[best]) - own > doubt.probability - doubt.own:
            doubt.suggested, doubt.probability, doubt.own = best, float(answer[best]), own
        doubt.said[MISTAKE] = f"the run, which was not trained on it, says '{classes[best]}' ({answer[best]:.0%})"
    for pair in find_contradictions(features, split, np.array(sorted(doubts), np.int64), workers):
        row, other = less_believed(pair.row, pair.other, labels, probabilities)
        if files[row].was is not None:
            row, other = other, row
        doubt = doubts[row]
        if files[row].was is not None or doubt.other is not None:
            continue
        chance = (0.0, 0.0) if probabilities is None else probabilities[row, [labels[other], labels[row]]]
        doubt.suggested, doubt.other = int(labels[other]), other
        doubt.probability, doubt.own = float(chance[0]), float(chance[1])
        doubt.said[CONTRADICTION] = f"it shows the same as {files[other].name}, which is '{classes[labels[other]]}'"
    part = split.part_of()
    return list(listed({row: doubt for row, doubt in doubts.items() if doubt.said}, features, part))


def less_believed(row: int, other: int, labels: np.ndarray, probabilities: np.ndarray | None) -> tuple[int, int]:
    """Two images with different labels: first the one whose label is the less likely."""
    if probabilities is None or probabilities[row, labels[row]] <= probabilities[other, labels[other]]:
        return row, other
    return other, row


def listed(doubts: Mapping[int, Doubt], features: Features, part: Mapping[int, str]) -> Iterator[Item]:
    """The doubts in their order, as items."""
    classes, files = features.images.classes, features.images.files
    by_weight: Iterable[tuple[int, Doubt]] = sorted(
        doubts.items(), key=lambda one: (one[1].weight, -one[0]), reverse=True
    )
    for row, doubt in by_weight:
        file, label = files[row], classes[files[row].label]
        kinds = tuple(kind for kind in (CONTRADICTION, MISTAKE, DOUBT) if kind in doubt.said)
        yield Item(
            row=row,
            path=file.name,
            part=part[row],
            label=label,
            was=label if file.was is None else file.was,
            suggested=classes[doubt.suggested],
            probability=doubt.probability,
            own=doubt.own,
            kinds=kinds,
            reasons=tuple(doubt.said[kind] for kind in kinds),
            hash=features.looks[row].content,
            other="" if doubt.other is None else files[doubt.other].name,
            other_row=doubt.other,
        )
