"""The textbooks' example, near and far transfer, measured: a network that has seen half of the animals.

    uv run python benchmarks/textbook.py TINY_IMAGENET SET... [--epochs 15]

Trains the demonstration network on every second animal class of Tiny ImageNet, then plans for the other animals, for
vehicles and buildings, and for the other folders given; prints score, shift and profile in that order.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import regraft
from regraft.recipe import Recipe

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
    given = parser.parse_args()
    animals, things = classes_of(given.tiny)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        source = copy(animals[::2], root / "half of the animals", EACH)
        targets = [
            copy(animals[1::2], root / "other animals", PLANNED),
            copy(things, root / "vehicles and buildings", PLANNED),
            *given.sets,
        ]
        recipe = Recipe("demonstration", strategy="from-scratch", epochs=given.epochs, augmentation="light")
        trained = regraft.train(source, recipe, root / "run")
        accuracy = trained["metrics"]["accuracy"]
        print(f"{len(animals[::2])} animal classes, {given.epochs} epochs: test accuracy {accuracy:.3f}")
        for target in targets:
            plan = regraft.prepare(target, Recipe(trained["run"])).plan_shown
            found = plan["similarity"]
            profile = " ".join(f"{point['accuracy']:.2f}" for point in found["profile"])
            shifts = " ".join("-" if p["shift"] is None else f"{p['shift']:.2f}" for p in found["profile"])
            print(f"{target.name:24} score {found['score']:.2f}  shift {shifts}  profile {profile}", flush=True)


if __name__ == "__main__":
    main()
