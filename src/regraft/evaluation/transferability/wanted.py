"""What is asked for: which images, which cuts, with which settings, and where it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

from regraft.data.images import ImageSet
from regraft.data.split import subsample
from regraft.errors import BackboneError, DataError, RecipeError
from regraft.network.cuts import Cut, find_cut
from regraft.network.load import embedded
from regraft.recipe import DEMONSTRATION, EMBEDDED, Recipe
from regraft.runs.folder import RUNS
from regraft.runs.job import name_of

SEEDS, CUTS, ALL = 3, 5, "all"
MOST_SEEDS = 100
FEWEST_TAUGHT, USUAL_TAUGHT = 4, 10  # classes for halves
TEACH_IMAGES, OWN_IMAGES = 12_000, 2_000  # by default, at most
TEACH_EPOCHS, TEACH_SIZE, TEACH_RATE, TEACH_AUGMENTATION = 5, 32, 2e-3, "none"
IMAGES_TO_SEE, FEWEST_EPOCHS, MOST_EPOCHS = 5_000, 5, 20  # of one training on the user's images
SHARES = (1 / 4, 1 / 16)  # of the training images, that --teach tries too
FEWEST_EACH = 4  # training images of a class, in such a share


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    recipe: Recipe
    teach: bool = False
    cuts: str = str(CUTS)  # how many, all, or names with commas between
    seeds: int = SEEDS
    images: int | None = None  # at most; of more a sample is taken

    def __post_init__(self) -> None:
        """Raise RecipeError for what cannot be."""
        network = self.recipe.network
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise RecipeError(
                f"--seeds is {self.seeds}; give 1 to {MOST_SEEDS}, three or more for intervals over seeds"
            )
        if self.images is not None and self.images < 1:
            raise RecipeError(f"--images is {self.images}; give how many images are used at most")
        if self.teach and (network.backbone not in {EMBEDDED, DEMONSTRATION} or network.weights):
            raise RecipeError("--teach trains the demonstration network from random weights; leave --backbone out")
        if not self.teach and network.backbone == DEMONSTRATION and not network.weights:
            raise RecipeError("the demonstration network has learned nothing to transfer; name a backbone, or --teach")
        if self.cuts.strip().lstrip("-").isdecimal() and int(self.cuts) < 1:
            raise RecipeError(f"--cuts is {self.cuts}; give a number from 1, all, or cuts' names")

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The seeds, from the recipe's own on."""
        return tuple(range(self.recipe.seed, self.recipe.seed + self.seeds))

    def folder(self, data: str | PathLike[str] | ImageSet, out: str | PathLike[str] | None) -> Path:
        """Where results are kept: the same place each time, so that a second call goes on there."""
        named = f"{name_of(data)}-transferability{'-teach' if self.teach else ''}"
        return Path(out) if out is not None else RUNS / named

    def recipe_for_looking(self) -> Recipe:
        """The recipe with the network and the size of its input settled."""
        network = self.recipe.network
        if self.teach:
            return self.recipe.but(backbone=DEMONSTRATION, image_size=network.image_size or TEACH_SIZE)
        own = embedded().preprocessing.size if network.backbone == EMBEDDED else None
        return self.recipe.but(image_size=network.image_size or own)

    def recipe_for_training(self, looked: Recipe, images: int) -> Recipe:
        """The recipe with what is left open filled in, for so many training images."""
        own = looked.optimisation
        if self.teach:
            taught = {"epochs": own.epochs or TEACH_EPOCHS, "learning_rate": own.learning_rate or TEACH_RATE}
            default = Recipe().augmentation.preset
            preset = looked.augmentation.preset
            return looked.but(augmentation=TEACH_AUGMENTATION if preset == default else preset, **taught)
        epochs = min(max(-(-IMAGES_TO_SEE // images), FEWEST_EPOCHS), MOST_EPOCHS)
        return looked.but(epochs=own.epochs or epochs)

    def layers(self, cuts: Sequence[Cut]) -> tuple[int, ...]:
        """The n to look at: places of cuts, from 1; BackboneError for a name that no cut has."""
        text = self.cuts.strip()
        if text == ALL:
            return tuple(range(1, len(cuts) + 1))
        if text.isdecimal():
            spread = np.linspace(0, len(cuts) - 1, min(int(text), len(cuts))) if int(text) > 1 else [len(cuts) - 1]
            return tuple(int(place) + 1 for place in np.round(spread))
        names = [name.strip() for name in text.split(",") if name.strip()]
        if not names:
            raise BackboneError("--cuts names no cut; give a number, all, or names with commas between")
        return tuple(sorted({cuts.index(find_cut(cuts, name)) + 1 for name in names}))

    def sampled(self, images: ImageSet) -> ImageSet:
        """The images, or a sample of as many as are used at most: each class and split in proportion."""
        most = self.images or (TEACH_IMAGES if self.teach else OWN_IMAGES)
        if len(images.files) <= most:
            return images
        names = sorted({(file.split or "", file.label) for file in images.files})
        place = {name: number for number, name in enumerate(names)}
        strata = np.array([place[file.split or "", file.label] for file in images.files], dtype=np.int64)
        rows = subsample(strata, most)
        if len(np.unique(strata[rows])) < len(names):
            raise DataError(f"{most:,} images are too few for {len(names)} classes and splits; raise --images")
        note = f"{most:,} of {len(images.files):,} images were used, each class in proportion; --images takes more"
        return replace(images, files=images.files.take(rows)).saying([note])

    def check_classes(self, images: ImageSet) -> None:
        """Raise DataError where the classes do not make two halves."""
        if self.teach and len(images.classes) < FEWEST_TAUGHT:
            raise DataError(
                f"{images.root} has {len(images.classes)} classes; --teach halves them and needs {FEWEST_TAUGHT},"
                f" better {USUAL_TAUGHT}: leave --teach out, or bring a set with more"
            )
