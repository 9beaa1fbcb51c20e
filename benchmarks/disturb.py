"""How the score takes what changes the statistics of images and not what they show: grey, low resolution, object size.

uv run python benchmarks/disturb.py SET... [--backbone NAME] [--weights FILE] [--images 400]
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from regraft.data.decoding import Undecodable, decode
from regraft.data.find import find_images
from regraft.data.images import ImageSet
from regraft.data.readers.memory import from_arrays
from regraft.planning.prepare import prepare
from regraft.recipe import Recipe
from regraft.similarity.measure import subsample

SIDE = 256  # pixels of the short side that all versions start from, at most


def small(side: int) -> Callable[[Image.Image], Image.Image]:
    """Shrink to ``side`` pixels, as a set of small images is."""
    return lambda image: image.resize((side, side), Image.Resampling.BOX) if min(image.size) > side else image


def far(image: Image.Image) -> Image.Image:
    """The image at half its size, before a plain ground of its mean colour."""
    ground = image.resize((1, 1), Image.Resampling.BOX).resize(image.size)
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    ground.paste(half, (image.width // 4, image.height // 4))
    return ground


def near(image: Image.Image) -> Image.Image:
    """The middle quarter of the image."""
    left, top = image.width // 4, image.height // 4
    return image.crop((left, top, image.width - left, image.height - top))


VERSIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda image: image,
    "grey": lambda image: image.convert("L"),
    "64 pixels": small(64),
    "32 pixels": small(32),
    "objects half as large": far,
    "objects twice as large": near,
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(3)),
    "half as bright": lambda image: image.point(lambda value: value // 2),
}
TAUGHT = ("grey", "32 pixels", "objects half as large", "objects twice as large")  # to the classifier of domains


def read(root: Path, most: int) -> tuple[list[Image.Image], list[str]]:
    """At most so many images of a set, of SIDE pixels at most, and their labels; without those that cannot be read."""
    images = find_images(root)
    chosen = [images.files[row] for row in subsample(np.array([file.label for file in images.files]), most)]
    found, labels = [], []
    for file in chosen:
        try:
            image = decode(file.content.read())
        except Undecodable:
            continue
        scale = min(1, SIDE / min(image.size))
        found.append(image.resize((round(image.width * scale), round(image.height * scale))))
        labels.append(images.classes[file.label])
    return found, labels


def main() -> None:
    """Print a row a set and version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--weights")
    parser.add_argument("--images", type=int, default=400)
    given = parser.parse_args()
    recipe = Recipe(backbone=given.backbone, weights=given.weights)
    for root in given.sets:
        pictures, labels = read(root, given.images)
        for name, change in VERSIONS.items():
            images: ImageSet = from_arrays([change(picture) for picture in pictures], labels)
            found = prepare(images, recipe).plan.similarity
            print(
                f"{root.name:16} {name:24} score {found.score.value:.2f} ({found.score.low:.2f} to"
                f" {found.score.high:.2f})  relative shift {found.relative_shift:.2f}"
                f"  probe {found.profile[-1].accuracy:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
