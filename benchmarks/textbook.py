"""The textbooks' example, near and far transfer, measured: a network that has seen half of the animals.

    uv run python benchmarks/textbook.py TINY_IMAGENET SET... [--epochs 15]

Trains the demonstration network on every second animal class of Tiny ImageNet, then plans for the other animals, for
vehicles and buildings, and for the other folders given; prints score, relative shift and profile in that order.
"""

import argparse
import math
import shutil
import tempfile
from pathlib import Path

import regraft

LAST_ANIMAL = "n02600000"  # WordNet's ids of animals in ImageNet come before it
EACH = 500  # images of a source class
PLANNED = 60  # images of a target class
VEHICLES_AND_BUILDINGS = (
    "ambulance", "beach wagon", "bullet train", "convertible", "freight car", "go-kart", "gondola", "jinrikisha",
    "lifeboat", "limousine", "moving van", "police van", "school bus", "sports car", "tractor", "trolleybus",
    "barn", "beacon", "butcher shop", "cliff dwelling", "confectionery", "dam", "fountain", "obelisk",
    "steel arch bridge", "suspension bridge", "triumphal arch", "viaduct", "water tower",
)  # fmt: skip


def classes_of(root: Path) -> tuple[list[Path], list[Path]]:
    """Folders of the animals, and of the vehicles and buildings."""
    lines = (line.split("\t", 1) for line in (root / "words.txt").read_text().splitlines())
    words = {name: text.split(",")[0].strip() for name, text in lines}
    folders = sorted((root / "train").iterdir())
    animals = [folder for folder in folders if folder.name < LAST_ANIMAL]
    return animals, [folder for folder in folders if words.get(folder.name) in VEHICLES_AND_BUILDINGS]


def copy(folders: list[Path], target: Path, each: int) -> Path:
    """Class folders with at most ``each`` images."""
    for folder in folders:
        (target / folder.name).mkdir(parents=True)
        for path in sorted(folder.rglob("*.JPEG"))[:each]:
            shutil.copy(path, target / folder.name)
    return target


def main() -> None:
    """Train, then plan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tiny", type=Path)
    parser.add_argument("sets", type=Path, nargs="*")
    parser.add_argument("--epochs", type=int, default=15)
    arguments = parser.parse_args()
    animals, things = classes_of(arguments.tiny)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        source = copy(animals[::2], root / "half of the animals", EACH)
        targets = [
            copy(animals[1::2], root / "other animals", PLANNED),
            copy(things, root / "vehicles and buildings", PLANNED),
            *arguments.sets,
        ]
        recipe = regraft.Recipe(
            backbone="demonstration", strategy="from-scratch", epochs=arguments.epochs, augmentation="light"
        )
        run = regraft.train(source, recipe, root / "run")
        regraft.reference(str(run.folder), [source])
        print(
            f"{len(animals[::2])} animal classes, {arguments.epochs} epochs: test accuracy {run.metrics.accuracy:.3f}"
        )
        for target in targets:
            similarity = regraft.plan(target, regraft.Recipe(backbone=str(run.folder))).similarity
            profile = " ".join(f"{point.accuracy:.2f}" for point in similarity.profile)
            shift = math.exp(similarity.evidence.log_shift or 0.0)
            print(
                f"{target.name:24} score {similarity.score.value:.2f}  shift {shift:.2f}  profile {profile}", flush=True
            )


if __name__ == "__main__":
    main()
