"""A classifier measured on labelled images."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from regraft.data.content import hash_of
from regraft.data.decoding import Decoded, decode
from regraft.data.identity import IDENTITY, identity_of
from regraft.data.images import LEFT_OUT, Fault, ImageFile, ImageSet
from regraft.data.spelling import alike
from regraft.errors import DataError, RunError, reason_of
from regraft.evaluation.disturbances import Disturbance
from regraft.evaluation.prediction import Prediction
from regraft.evaluation.robustness import Robustness, robustness_of
from regraft.metrics import Metrics, measure, slices_of
from regraft.runs.plots import of_metrics
from regraft.runs.remarks import Remark, remarks_on
from regraft.runs.seen import DATA, images_of
from regraft.runs.slicing import slice_names
from regraft.strict_json import Malformed
from regraft.visible import Shown

SEED = 0  # of the bootstrap
TWO = 2
SHOWN = 20  # classes in a message
Identify = Callable[[bytes | Image.Image, Decoded], str]  # a hash of what an image shows


@dataclass(frozen=True)
class TrainedOn:
    """How many of the images chose or trained the run."""

    images: int
    of: int
    accuracy_on_the_others: float | None  # None where there are none


@dataclass(frozen=True, repr=False)
class Evaluation(Shown):
    """Metrics of a classifier on labelled images."""

    run: Path | None
    metrics: Metrics
    trained_on: TrainedOn | None  # None where the run does not say
    left_out: tuple[Fault, ...]
    notes: tuple[str, ...] = ()  # what the user should know beside the figures
    robustness: Robustness | None = None  # where it was asked for

    def in_lines(self) -> Iterator[str]:
        """The metrics, and what to mind."""
        yield from self.metrics.in_lines()
        if self.trained_on and self.trained_on.images:
            yield f"The run was trained on {self.trained_on.images:,} of these {self.trained_on.of:,} images"

    def drawn(self) -> Mapping[str, str]:
        """Its pictures, as SVG by name."""
        return dict(of_metrics(self.metrics))

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What must be said beside the figures."""
        return remarks_on(self.metrics)

    def as_dict(self) -> dict[str, Any]:
        """What ``evaluate --json`` prints."""
        return {
            "run": str(self.run) if self.run else None,
            "remarks": [asdict(remark) for remark in self.remarks],
            "metrics": self.metrics.as_dict(),
            "trained_on": asdict(self.trained_on) if self.trained_on else None,
            "left_out": [asdict(fault) for fault in self.left_out],
            "notes": list(self.notes),
            "robustness": self.robustness.as_dict() if self.robustness else None,
        }


@dataclass(frozen=True)
class Part:
    """The labelled images that are judged."""

    images: ImageSet  # with the run's names of classes, and what is left out among its faults
    split: str  # test, val or all
    files: tuple[ImageFile, ...]
    renamed: Mapping[str, str]  # classes that the run spells otherwise, by their own spelling


def part_to_evaluate(images: ImageSet, classes: Sequence[str]) -> Part:
    """The test part, else the val part, else all images, of classes that are in ``classes``.

    Capital letters and the encoding of accents don't matter where they tell no two classes apart. Another class raises
    DataError; where train is given and has none of it either, it is left out and listed.
    """
    spelt = spelling_of(classes)
    names = tuple(name if name in classes else spelt.get(alike(name), name) for name in images.classes)
    renamed = {own: name for own, name in zip(images.classes, names, strict=True) if own != name}
    images = replace(images, classes=names)
    training = {names[file.label] for file in images.files if file.split == "train"}
    unknown = [name for name in names if name not in classes]
    if refused := [name for name in unknown if not training or name in training]:
        raise DataError(
            f"the run does not know the class {listed(refused)} (it knows {listed(classes)});"
            f" rename or remove that folder below {images.root}"
        )
    split = next((name for name in ("test", "val") if name in images.splits), "all")
    part = [file for file in images.files if split in {"all", file.split}]
    files = tuple(file for file in part if names[file.label] in classes)
    if not files:
        raise DataError(f"the run knows no class in {images.root}: there is {listed(unknown)}; rename the folders")
    counts = Counter(names[file.label] for file in part if names[file.label] in unknown)
    faults = (
        Fault(f"{split}/{name}", "unknown class", f"{count} images of '{name}', which the run does not know")
        for name, count in counts.items()
    )
    return Part(images.noting(faults), split, files, renamed)


def spelling_of(classes: Sequence[str]) -> dict[str, str]:
    """The classes by what is left of them without capital letters; none that another one is alike to."""
    counts = Counter(map(alike, classes))
    return {alike(name): name for name in classes if counts[alike(name)] == 1}


def listed(names: Sequence[str]) -> str:
    """The first of them, and how many more."""
    rest = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:SHOWN]) + rest


@dataclass(frozen=True)
class Chose:
    """The images that chose or trained a run, by the hash of what they show."""

    identities: frozenset[str]
    identify: Identify


def chose(run: Path | None) -> Chose | None:
    """Those of a run folder; None where it does not say, RunError where what it said is damaged."""
    if run is None or not (run / DATA).exists():
        return None
    try:
        seen = images_of(run)
    except (OSError, Malformed) as error:
        why = reason_of(error)[:120]
        raise RunError(
            f"{run / DATA} is damaged, so which images trained the run is not known: {why}; put it back, or delete it"
        ) from None
    return Chose(seen.chose, identity_of if seen.identity == IDENTITY else first_identity_of)


def first_identity_of(data: bytes | Image.Image, decoded: Decoded) -> str:
    """What identity_of was in the first place: a hash of all pixels."""
    return hash_of(decode(data, None))


def check_positive(positive: str | None, classes: Sequence[str]) -> None:
    """Raise RunError where there are no two classes of which it is one."""
    if positive is None:
        return
    if len(classes) != TWO:
        raise RunError(f"--positive is for runs of two classes; this one has {len(classes)}; leave it out")
    if positive not in classes:
        raise RunError(f"the run does not know the class '{positive}' of --positive; give one of {listed(classes)}")


def evaluation_of(
    predictions: Sequence[Prediction],
    part: Part,
    run: Path | None,
    known: Chose | None,
    threshold: float | None = None,
    positive: str | None = None,
    disturbances: Sequence[Disturbance] = (),
) -> Evaluation:
    """The metrics of ``predictions`` of a part's files; DataError where none of them could be read.

    ``threshold``: of the conformal sets. ``positive``: of two classes; by default the one that its name or its rarity
    makes it. ``disturbances``: those that the predictions have answers under.
    """
    images = part.images
    pairs = [(p, file) for p, file in zip(predictions, part.files, strict=True) if p.probabilities is not None]
    if not pairs:
        raise DataError(f"none of the {len(predictions)} images in {images.root} can be read; give other images")
    classes = predictions[0].classes
    labels = np.array([classes.index(images.classes[file.label]) for _, file in pairs])
    probabilities = np.stack([p.probabilities for p, _ in pairs if p.probabilities is not None])
    groups = [file.group for _, file in pairs]
    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    noted = [p.noted for p, _ in pairs]
    sides, grey = zip(*((one.short_side, one.brightness) if one else (None, None) for one in noted), strict=True)
    slices = slices_of(right, slice_names([file for _, file in pairs], sides, grey), groups)
    under = np.array([one.answers if one else () for one in noted])
    faults = (fault for fault in images.faults if fault.action == LEFT_OUT)
    groups = [file.group for _, file in pairs]
    return Evaluation(
        run=run,
        metrics=replace(
            measure(probabilities, labels, classes, part.split, SEED, groups, threshold, positive), slices=slices
        ),
        trained_on=trained_on(known, [p.identity for p, _ in pairs], right),
        left_out=(*faults, *(p.fault for p in predictions if p.fault)),
        notes=tuple(f"'{own}' is judged as the run's '{name}'" for own, name in part.renamed.items()),
        robustness=robustness_of(disturbances, labels, predicted, under, groups) if disturbances else None,
    )


def trained_on(known: Chose | None, identities: Sequence[str], right: np.ndarray) -> TrainedOn | None:
    """How many of the images chose or trained the run; None where it does not say."""
    if known is None:
        return None
    seen = np.array([one in known.identities for one in identities])
    return TrainedOn(int(seen.sum()), len(seen), float(right[~seen].mean()) if (~seen).any() else None)
