"""Images that are others than those that were looked at."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import picture

from regraft.data.content import Given
from regraft.errors import DataError
from regraft.features.near_duplicates import Pictures
from regraft.planning.prepare import Job, prepare
from regraft.recipe import Recipe
from regraft.training.strategy import trainer_for

Make = Callable[..., Path]


def prepared(root: Path) -> Job:
    return prepare(root, Recipe(strategy="fine-tune"))


def test_an_image_replaced_after_the_pass_is_not_trained_on(make_folder: Make, tmp_path: Path) -> None:
    root = make_folder()
    job = prepared(root)
    picture(1, 99).save(root / "class0" / "003.png")
    with pytest.raises(DataError, match=r"class0/003\.png .*it is another image now"):
        trainer_for(job, tmp_path / "checkpoints").examples.samples  # noqa: B018
    row = next(row for row, file in enumerate(job.images.files) if file.name == "class0/003.png")
    pictures = Pictures([file.content for file in job.features.files])
    assert pictures.align(row, row + 1) is None
    assert pictures.align(row + 1, row + 2) is not None


def test_images_as_they_were_are_trained_on(make_folder: Make, tmp_path: Path) -> None:
    job = prepared(make_folder())
    assert len(trainer_for(job, tmp_path / "checkpoints").examples.samples.images) == 24


def test_pixels_drawn_anew_each_time_are_taken(make_folder: Make, tmp_path: Path) -> None:
    job = prepared(make_folder())
    drawn = iter(range(1000))
    files = tuple(replace(file, content=Given(lambda: picture(0, next(drawn)))) for file in job.images.files)
    features = replace(job.features, images=replace(job.images, files=files))
    assert len(trainer_for(replace(job, features=features), tmp_path / "checkpoints").examples.samples.images) == 24
