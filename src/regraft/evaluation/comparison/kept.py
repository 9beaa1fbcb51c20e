"""Trainings that are done, one file each, so that none is ever done again."""

import io
import json
import zipfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from regraft.evaluation.kept_folder import write_whole
from regraft.strict_json import Malformed, build

FORMAT = 1  # goes into every key: what another version made is made again
SUFFIX = ".npz"


@dataclass(frozen=True)
class Figures:
    """What one training came to, beside its predictions."""

    strategy: str
    setting: str
    cuts: tuple[str, ...]
    validated: float  # accuracy on the images that chose
    loss: float | None  # mean cross-entropy on them, where it is known
    epochs: int  # that were trained; 0 of a head alone
    seconds: float
    trainable: int


@dataclass(frozen=True)
class Outcome:
    """One training."""

    figures: Figures
    probabilities: np.ndarray  # of the test images: (images, classes), float32


def write(folder: Path, key: str, outcome: Outcome) -> None:
    """Keep a training; killed anywhere, there is either all of it or nothing."""
    buffer = io.BytesIO()
    np.savez(buffer, figures=np.array(json.dumps(asdict(outcome.figures))), probabilities=outcome.probabilities)
    write_whole(folder / f"{key}{SUFFIX}", buffer.getvalue())


def read(folder: Path, key: str, images: int, classes: int) -> Outcome | None:
    """A training that is kept; None where it is not there or damaged, for it is made again then."""
    try:
        content = (folder / f"{key}{SUFFIX}").read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            probabilities, text = file["probabilities"], str(file["figures"])
        if probabilities.shape != (images, classes) or not np.isfinite(probabilities).all():
            return None
        values = json.loads(text)
        if set(values) != {one.name for one in fields(Figures)}:
            return None
        return Outcome(build(Figures, values, "figures"), probabilities)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, Malformed):
        return None
