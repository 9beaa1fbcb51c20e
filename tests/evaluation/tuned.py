"""What a search over settings left behind."""

import csv
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

SMALL = {"backbone": "demonstration", "image_size": 32}
OPTIONS = ("--backbone", "demonstration", "--image-size", 32, "--quiet")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def timeless(folder: Path) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows(folder)]


def study_in(folder: Path) -> optuna.Study:
    return optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(folder / "journal.log"))))
