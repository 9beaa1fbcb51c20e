"""How many disturbed copies of test images are found, and how many images are called copies that are none.

Each draw takes other originals and other images that have no copy. Originals (at most 256 pixels a side, less a margin
for the frames) and other images of the set train; the disturbed copies and the images without a copy are the test part.

uv run python benchmarks/copies.py FOLDER... [--image-size 128] [--backbone NAME --weights FILE]
"""

import argparse
import io
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from regraft.data.content import Given
from regraft.data.decoding import decode
from regraft.data.find import find_images
from regraft.data.images import ImageFile, ImageSet
from regraft.data.split import split_images
from regraft.features.extract import extract
from regraft.features.near_duplicates import SAME_PICTURE, find_near_duplicates
from regraft.network.backbone import Backbone
from regraft.network.load import load

LARGEST, MARGIN = 256, 12  # pixels
ORIGINAL, TRAIN, OTHER = "original", "train", "other"  # beside the kinds of copies: what trains, and has no copy
Disturb = Callable[[Image.Image, np.random.Generator], bytes]


def png(image: Image.Image) -> bytes:
    """Encoded without loss."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def jpeg(image: Image.Image, quality: int) -> bytes:
    """Encoded with loss."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def resized(image: Image.Image, share: float) -> Image.Image:
    """A share of the size."""
    return image.resize((max(8, round(image.width * share)), max(8, round(image.height * share))))


def cropped(image: Image.Image, share: float, draw: np.random.Generator) -> Image.Image:
    """A share of each side, anywhere."""
    width, height = round(image.width * share), round(image.height * share)
    left, top = draw.integers(image.width - width + 1), draw.integers(image.height - height + 1)
    return image.crop((left, top, left + width, top + height))


PICTURES: dict[str, Disturb] = {
    "resized 0.5 to 0.8": lambda image, draw: png(resized(image, draw.uniform(0.5, 0.8))),
    "JPEG 30 to 80": lambda image, draw: jpeg(image, int(draw.integers(30, 81))),
    "resized 0.6 and JPEG 60": lambda image, _: jpeg(resized(image, 0.6), 60),
    "cropped 0.8 to 0.95": lambda image, draw: png(cropped(image, draw.uniform(0.8, 0.95), draw)),
    "mirrored": lambda image, _: jpeg(ImageOps.mirror(image), 75),
    "brightness 0.7 to 1.3": lambda image, draw: png(ImageEnhance.Brightness(image).enhance(draw.uniform(0.7, 1.3))),
}
FRAMES = {"next frame, 3 pixels": 3, "frame, 9 pixels": 9}


@dataclass
class Counts:
    """By kind: copies, those found, and those told to be the same picture; and images called copies wrongly."""

    copies: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    same_picture: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str]] = field(default_factory=list)


def content(data: bytes) -> Given:
    """An image of these bytes."""
    return Given(lambda: data)


def variants(file: ImageFile, place: int, draw: np.random.Generator) -> dict[str, bytes]:
    """An original, at most LARGEST pixels a side, and its copies by kind."""
    image = decode(file.content.read())
    image.thumbnail((LARGEST, LARGEST))
    margin = min(MARGIN, min(image.size) // 4)
    width, height = image.width - margin, image.height - margin
    original = image.crop((0, 0, width, height))
    made = {ORIGINAL: png(original)} | {kind: disturb(original, draw) for kind, disturb in PICTURES.items()}
    for kind, pixels in FRAMES.items():
        by = min(pixels, margin)
        x, y = ((by, 0), (0, by), (by, by))[place % 3]
        made[kind] = png(image.crop((x, y, x + width, y + height)))
    return made


def made_of(images: ImageSet, originals: int, most: int, seed: int) -> ImageSet:
    """The set of a draw: names are KIND/name."""
    draw = np.random.default_rng(seed)
    files = [images.files[row] for row in draw.permutation(len(images.files))[:most]]
    made = [
        replace(file, name=f"{TRAIN if place >= 2 * originals else OTHER}/{file.name}", split=None)
        for place, file in enumerate(files[originals:], originals)
    ]
    for place, file in enumerate(files[:originals]):
        for kind, data in variants(file, place, draw).items():
            made.append(replace(file, name=f"{kind}/{file.name}", content=content(data)))
    parts = [replace(file, split="train" if file.name.startswith((TRAIN, ORIGINAL)) else "test") for file in made]
    labels = sorted({file.label for file in parts if file.split == "train"})
    kept = (replace(file, label=labels.index(file.label)) for file in parts if file.label in labels)
    return ImageSet(Path("copies"), tuple(images.classes[label] for label in labels), tuple(kept))


def count(images: ImageSet, backbone: Backbone, counts: Counts) -> None:
    """Look for the copies in a draw's set."""
    features = extract(images, backbone)
    names = [file.name for file in features.images.files]
    counts.copies.update(name.partition("/")[0] for name in names)
    for pair in find_near_duplicates(features, split_images(features.images, features.pixels, 0)):
        kind, _, name = names[pair.row].partition("/")
        if kind == OTHER:
            counts.wrong.append((names[pair.row], names[pair.other]))
        elif names[pair.other] == f"{ORIGINAL}/{name}":
            counts.found[kind] += 1
            counts.same_picture[kind] += pair.kind == SAME_PICTURE


def show(counts: Counts) -> None:
    """A line for each kind, and the pairs to look at."""
    for kind in (*PICTURES, *FRAMES):
        copies, found = counts.copies[kind], counts.found[kind]
        same = f"same picture {counts.same_picture[kind] / max(1, found):.0%}"
        print(f"  {kind:<26} found {found / copies:6.1%} of {copies}; {same}")
    pictures = sum(counts.found[kind] for kind in PICTURES) / sum(counts.copies[kind] for kind in PICTURES)
    print(f"  {'all same pictures':<26} found {pictures:6.1%}")
    others = counts.copies[OTHER]
    print(f"  {'without a copy':<26} called one {len(counts.wrong) / others:.1%} of {others}")
    for pair in counts.wrong:
        print(f"    {pair[0]} and {pair[1]}")


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--weights")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--originals", type=int, default=40)
    parser.add_argument("--most", type=int, default=400, help="images of a set that a draw uses")
    asked = parser.parse_args()
    backbone = load(asked.backbone, asked.weights, asked.image_size)
    for folder in asked.folders:
        images = find_images(folder)
        originals = min(asked.originals, len(images.files) // 4)
        counts = Counts()
        for seed in range(asked.draws):
            count(made_of(images, originals, asked.most, seed), backbone, counts)
        print(f"\n{folder.name}, {asked.backbone} at {backbone.preprocessing.size} pixels, {asked.draws} draws")
        show(counts)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as cache:
        os.environ["REGRAFT_CACHE"] = cache
        main()
