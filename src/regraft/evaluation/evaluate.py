"""A classifier measured on labelled images."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from regraft.data.content import IDENTITY, hash_of, identity_of
from regraft.data.decoding import Decoded, decode
from regraft.data.images import LEFT_OUT, Fault, ImageFile, ImageSet
from regraft.errors import DataError
from regraft.evaluation.prediction import Prediction
from regraft.metrics import Metrics, measure

SEED = 0  # of the bootstrap
Identify = Callable[[bytes | Image.Image, Decoded], str]  # a hash of what an image shows


@dataclass(frozen=True)
class TrainedOn:
    """How many of the images chose or trained the run."""

    images: int
    of: int
    accuracy_on_the_others: float | None  # None where there are none


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a classifier on labelled images."""

    run: Path | None
    metrics: Metrics
    trained_on: TrainedOn | None  # None where the run does not say
    left_out: tuple[Fault, ...]

    def as_dict(self) -> dict[str, Any]:
        """What ``evaluate --json`` prints."""
        return {
            "run": str(self.run) if self.run else None,
            "metrics": self.metrics.as_dict(),
            "trained_on": asdict(self.trained_on) if self.trained_on else None,
            "left_out": [asdict(fault) for fault in self.left_out],
        }


def part_to_evaluate(images: ImageSet, classes: Sequence[str]) -> tuple[str, list[ImageFile]]:
    """Which part of labelled images is evaluated, and its files; DataError for a class that is not in ``classes``."""
    unknown = sorted(set(images.classes) - set(classes))
    if unknown:
        raise DataError(
            f"the run does not know the class '{unknown[0]}' (it knows {', '.join(classes)});"
            f" rename or remove that folder below {images.root}"
        )
    split = next((name for name in ("test", "val") if name in images.splits), "all")
    return split, [file for file in images.files if split in {"all", file.split}]


@dataclass(frozen=True)
class Chose:
    """The images that chose or trained a run, by the hash of what they show."""

    identities: frozenset[str]
    identify: Identify


def chose(run: Path | None) -> Chose | None:
    """Those of a run folder; None where it does not say."""
    try:
        content = json.loads((run / "data.json").read_text()) if run else {}
        files = content["files"]
        parts = {"train", "val"} if any(file["split"] == "test" for file in files) else {"train"}
        identities = frozenset(file["pixels"] for file in files if file["split"] in parts)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Chose(identities, identity_of if content.get("identity") == IDENTITY else first_identity_of)


def first_identity_of(data: bytes | Image.Image, decoded: Decoded) -> str:
    """What identity_of was in the first place: a hash of all pixels."""
    return hash_of(decode(data, None))


def evaluation_of(
    predictions: Sequence[Prediction],
    images: ImageSet,
    files: Sequence[ImageFile],
    split: str,
    run: Path | None,
    known: Chose | None,
) -> Evaluation:
    """The metrics of ``predictions`` of the ``files`` of a part; DataError where none of them could be read."""
    pairs = [(p, file) for p, file in zip(predictions, files, strict=True) if p.probabilities is not None]
    if not pairs:
        raise DataError(f"none of the {len(predictions)} images in {images.root} can be read; give other images")
    classes = predictions[0].classes
    labels = np.array([classes.index(images.classes[file.label]) for _, file in pairs])
    probabilities = np.stack([p.probabilities for p, _ in pairs if p.probabilities is not None])
    faults = (fault for fault in images.faults if fault.action == LEFT_OUT)
    return Evaluation(
        run=run,
        metrics=measure(probabilities, labels, classes, split, SEED, [file.group for _, file in pairs]),
        trained_on=trained_on(known, [p.identity for p, _ in pairs], probabilities.argmax(1) == labels),
        left_out=(*faults, *(p.fault for p in predictions if p.fault)),
    )


def trained_on(known: Chose | None, identities: Sequence[str], right: np.ndarray) -> TrainedOn | None:
    """How many of the images chose or trained the run; None where it does not say."""
    if known is None:
        return None
    seen = np.array([one in known.identities for one in identities])
    return TrainedOn(int(seen.sum()), len(seen), float(right[~seen].mean()) if (~seen).any() else None)
