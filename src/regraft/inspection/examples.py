"""Images worth explaining: of each class the most certain right one, the least certain right one, the worst mistake."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from regraft.data.images import ImageSet
from regraft.inspection.answers import class_name, probabilities
from regraft.inspection.pictures import Picture, in_batches, pictures
from regraft.inspection.subject import Subject

MOST_CLASSES = 10  # that are shown
SUREST, LEAST, MISTAKE = "the most certain right answer", "the least certain right answer", "the most certain mistake"
SURE, UNSURE = "the most certain answer", "the least certain answer"  # where no answer can be called right


@dataclass(frozen=True)
class Example:
    """An image and what the network answers."""

    picture: Picture
    truth: str  # the class that it is labelled with
    label: int  # the class that the network answers
    probability: float  # of that class
    kind: str


@dataclass(frozen=True)
class Answer:
    """What is kept of every image: (row, label, probability)."""

    row: int
    label: int
    probability: float


def examples_of(subject: Subject, images: ImageSet, most_classes: int = MOST_CLASSES) -> tuple[Example, ...]:
    """Up to three images of each class, in one pass; of more than ``most_classes`` those with the most mistakes."""
    extremes, mistakes = dict[tuple[int, str], Answer](), Counter[int]()
    for some, pixels in in_batches(pictures(subject, images.files)):
        for one, answer in zip(some, probabilities(subject, pixels), strict=True):
            own = Answer(one.row, int(answer.argmax()), float(answer.max()))
            truth = images.classes[one.label]
            right = class_name(subject, own.label) == truth
            mistakes[one.label] += truth in subject.classes and not right
            for kind, sign in kinds_of(truth in subject.classes, right):
                known = extremes.get((one.label, kind))
                if known is None or sign * own.probability > sign * known.probability:
                    extremes[one.label, kind] = own
    labels = sorted({label for label, _ in extremes}, key=lambda label: (-mistakes[label], label))[:most_classes]
    chosen = [
        (label, kind, extremes[label, kind])
        for label in sorted(labels)
        for kind in (SUREST, LEAST, MISTAKE, SURE, UNSURE)
        if (label, kind) in extremes and not is_repeated(label, kind, extremes)
    ]
    again = pictures(subject, [images.files[own.row] for *_, own in chosen])
    return tuple(
        Example(chosen_picture, images.classes[label], own.label, own.probability, kind)
        for (label, kind, own), chosen_picture in zip(chosen, again, strict=True)
    )


def kinds_of(known: bool, right: bool) -> tuple[tuple[str, int], ...]:
    """The kinds that an answer may be the extreme of: the largest probability (1) or the smallest (-1)."""
    if not known:
        return ((SURE, 1), (UNSURE, -1))
    return ((SUREST, 1), (LEAST, -1)) if right else ((MISTAKE, 1),)


def is_repeated(label: int, kind: str, extremes: dict[tuple[int, str], Answer]) -> bool:
    """Whether the one image of a class is both the most and the least certain."""
    other = {LEAST: SUREST, UNSURE: SURE}.get(kind)
    return other is not None and extremes[label, other].row == extremes[label, kind].row


def example_of(subject: Subject, picture: Picture, label: int | None = None, truth: str = "") -> Example:
    """One image by itself; ``label``: the class to explain (None: the likeliest)."""
    answer = probabilities(subject, np.stack([picture.pixels]))[0]
    chosen = int(answer.argmax()) if label is None else label
    kind = "the likeliest answer" if chosen == answer.argmax() else "the class that was asked for"
    return Example(picture, truth, chosen, float(answer[chosen]), kind)
