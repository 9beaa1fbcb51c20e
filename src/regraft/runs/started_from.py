"""What a training must mind whose network is that of an earlier run."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from regraft.errors import RunError
from regraft.network.load import is_run
from regraft.planning.prepare import Job
from regraft.recipe import Recipe
from regraft.runs.copies import accuracies
from regraft.runs.overlap import with_and_without
from regraft.runs.remarks import Remark
from regraft.runs.seen import known_to

STAYING = 0.5  # of an earlier run's images, so many at least must train again for it to be no new task


def check_place(recipe: Recipe, out: Path | None) -> None:
    """Raise RunError where a run would take the place of the one that it goes on from."""
    run = recipe.network.continue_from
    if run and out and out.resolve() == Path(run).resolve():
        raise RunError(f"--out is {out}, the run that is gone on from; give another folder")


def notes_on_start(job: Job, right: np.ndarray) -> Iterator[str]:
    """How many images the earlier run learned from or chose by; ``right``: of those reported on, (test,) bool."""
    name = job.backbone.name
    if not is_run(name):
        return
    chose = known_to(Path(name))
    if chose is None:
        yield f"{name} does not say which images trained it: where some are reported on here, figures are too good"
        return
    overlap = with_and_without(np.array([job.features.pixels[row] in chose for row in job.split.test], bool), right)
    if overlap.images:
        yield accuracies(overlap, f"trained or chose {name}, which this starts from")
    own = [*job.split.train.tolist(), *job.split.val.tolist()]
    known = sum(job.features.pixels[row] in chose for row in own)
    if job.going_on and known:
        yield (
            f"{known:,} of the {len(own):,} images that train and choose here trained {name} too: held-out accuracies"
            " are too good, and probabilities may be too sure; the accuracy reported does not rest on them"
        )


def faded(job: Job) -> Iterator[Remark]:
    """That a run is gone on from without most of its images, so what it knew of them may fade."""
    run = job.recipe.network.continue_from
    chose = known_to(Path(run)) if run else None
    if not chose:
        return
    there = len(chose.intersection(job.features.pixels))
    if there < STAYING * len(chose):
        yield Remark(
            "images of the earlier run left out",
            f"{there:,} of the {len(chose):,} images that trained or chose {run} are here: what it knew of the others"
            " may fade. Put its images and the new ones into one folder to keep it.",
            first=True,
        )
