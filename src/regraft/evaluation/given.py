"""Images as people give them in Python: a path, a picture, an array, or several of these."""

from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from PIL import Image

from regraft.data.content import CHANNELS, COLOUR, GREY, Given
from regraft.data.readers.paths import Named, contents_at
from regraft.errors import DataError
from regraft.recipe import Reading


def contents_of(images: Any, reading: Reading = Reading()) -> list[Named]:
    """Images as Classifier.predict takes them, each with its name."""
    named: list[Named] = []
    for place, item in enumerate([images] if is_one(images) else images):
        if isinstance(item, (str, PathLike)):
            named += contents_at(Path(item), reading)
        else:
            named.append((str(place), Given(partial(same, item))))
    if not named:
        raise DataError("there is no image to predict; give paths, Pillow images or an array")
    return named


def is_one(images: Any) -> bool:
    """Whether it is a single image or path, and no sequence of them."""
    if isinstance(images, (str, bytes, PathLike, Image.Image)):
        return True
    shape: tuple[int, ...] = getattr(images, "shape", ())
    return len(shape) == GREY or (len(shape) == COLOUR and (shape[-1] in CHANNELS or shape[0] in CHANNELS))


def same(item: Any) -> Any:
    """What was given."""
    return item
