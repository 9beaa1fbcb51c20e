"""Images that are in memory or come from a data set in Python."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from regraft.content import Given
from regraft.errors import DataError
from regraft.images import SPLIT_NAMES, ImageSet, Labelled, collect


def from_arrays(
    images: Any,
    labels: Sequence[Any],
    classes: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    name: str = "arrays",
) -> ImageSet:
    """An ImageSet of pixels in memory.

    ``images``: (images, height, width) or (images, height, width, 1, 3 or 4) of 8 or 16 bits or floats in 0..1, a
    tensor (images, channels, height, width), or a sequence of such images or Pillow's of any sizes. ``labels``: one
    each, class ids where ``classes`` names them, else the names. ``splits``: train, val or test, one each.
    Raises DataError where the lengths differ or a label has no name.
    """
    count = len(images)
    for what, given in (("labels", labels), ("splits", splits), ("groups", groups)):
        if given is not None and len(given) != count:
            raise DataError(f"there are {count} images and {len(given)} {what}; give one for each image")
    found = [
        Labelled(
            f"{row:0{len(str(count))}d}",
            class_name(labels[row], classes),
            Given(partial(images.__getitem__, row)),
            None if splits is None else split_name(splits[row]),
            None if groups is None else str(groups[row]),
        )
        for row in range(count)
    ]
    return collect(Path(name), found)


def from_dataset(dataset: Any, classes: Sequence[str] | None = None, name: str = "dataset") -> ImageSet:
    """An ImageSet of a map-style torch Dataset of (image, label) pairs, without the transforms of training.

    Labels are read from ``dataset.targets`` where it has them, else by asking for every item once; names from
    ``classes`` or ``dataset.classes``. The image is anything that ``from_arrays`` takes.
    """
    targets = getattr(dataset, "targets", None)
    labels = [dataset[row][1] for row in range(len(dataset))] if targets is None else list(targets)
    names = classes if classes is not None else getattr(dataset, "classes", None)
    return from_arrays(Images(dataset), labels, names, name=name)


class Images:
    """The images of a data set of (image, label) pairs."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, row: int) -> Any:
        return self.dataset[row][0]


def class_name(label: Any, classes: Sequence[str] | None) -> str:
    """A label as the name of its class; DataError for an id that ``classes`` does not have."""
    value = label.item() if hasattr(label, "item") else label
    if classes is None or (isinstance(value, str) and value in classes):
        return str(value)
    if isinstance(value, int) and 0 <= value < len(classes):
        return str(classes[value])
    raise DataError(f"the label {value!r} is no id of the {len(classes)} classes; give 0 to {len(classes) - 1}")


def split_name(text: str) -> str:
    """A split's usual name; DataError for a word that is none."""
    try:
        return SPLIT_NAMES[str(text).lower()]
    except KeyError:
        raise DataError(f"'{text}' is no split; give one of {', '.join(SPLIT_NAMES)}") from None
