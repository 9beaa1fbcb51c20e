"""What trials came to, one file each under a name that follows from the recipe: none is ever trained twice."""

import io
import json
import zipfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from regraft.evaluation.kept_folder import key_of, write_whole
from regraft.recipe import Recipe
from regraft.strict_json import Malformed, build
from regraft.training.result import Judged

FORMAT = 1  # goes into every key: what another version made is made again
NOT_OF_A_RESULT = {"workers", "time_limit", "checkpoint_minutes", "checkpoint_name"}
COMPLETE, DROPPED, FAILED = "complete", "dropped", "failed"


@dataclass(frozen=True)
class Figures:
    """What a trial came to, beside which images it got right."""

    state: str  # complete, dropped before its end, or failed
    accuracy: float | None  # of all images that judged it
    shared: (
        float | None
    )  # of those that judge every trial; rare classes count more where balanced figures are monitored
    loss: float | None  # mean cross-entropy, where it is known
    epochs: int = 0  # that were trained; 0 of a head alone
    planned_epochs: int = 0
    seconds: float = 0.0
    note: str = ""  # why it was dropped or failed, or how it ended


@dataclass(frozen=True, eq=False)
class Outcome:
    """A trial that has ended."""

    figures: Figures
    rows: np.ndarray  # (images,) of the image set, that judged it
    hits: np.ndarray  # (images,) bool

    @property
    def judged(self) -> Judged:
        """As trainings have it."""
        loss = self.figures.loss
        return Judged(self.rows, self.hits, float("nan") if loss is None else loss)


def failed(note: str, seconds: float) -> Outcome:
    """A trial that came to nothing."""
    return Outcome(
        Figures(FAILED, None, None, None, seconds=seconds, note=note), np.empty(0, np.int64), np.empty(0, bool)
    )


def key_for(recipe: Recipe, facts: Any) -> str:
    """The name of a recipe's outcome; ``facts``: what else determines it, plain data."""
    settings = {name: value for name, value in recipe.flat().items() if name not in NOT_OF_A_RESULT}
    return key_of([FORMAT, settings, facts])


def write(folder: Path, key: str, outcome: Outcome) -> None:
    """Keep an outcome; killed anywhere, there is either all of it or nothing."""
    buffer = io.BytesIO()
    np.savez(buffer, figures=np.array(json.dumps(asdict(outcome.figures))), rows=outcome.rows, hits=outcome.hits)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{key}.npz", buffer.getvalue())


def read(folder: Path, key: str) -> Outcome | None:
    """An outcome that is kept; None where it is not there or damaged, for it is made again then."""
    try:
        with np.load(io.BytesIO((folder / f"{key}.npz").read_bytes()), allow_pickle=False) as file:
            rows, hits, text = file["rows"], file["hits"], str(file["figures"])
        values = json.loads(text)
        if rows.shape != hits.shape or set(values) != {one.name for one in fields(Figures)}:
            return None
        return Outcome(build(Figures, values, "figures"), rows, hits)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, Malformed):
        return None
