"""Images that are in memory or come from a data set in Python."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from regraft.data.content import Given
from regraft.data.images import ImageSet, Labelled, collect, split_named
from regraft.errors import DataError


def from_arrays(
    images: Any,
    labels: Iterable[Any],
    classes: Sequence[str] | None = None,
    splits: Iterable[str] | None = None,
    groups: Iterable[str | None] | None = None,
    name: str = "arrays",
) -> ImageSet:
    """An ImageSet of pixels in memory.

    ``images``: (images, height, width) or (images, height, width, 1, 3 or 4) of 8 or 16 bits or floats in 0..1, a
    tensor (images, channels, height, width), or a sequence of such images or Pillow's of any sizes. ``labels``: one
    each, class ids where ``classes`` names them, else the names. ``splits``: train, val or test, one each.
    Raises DataError where the lengths differ or a label has no name.
    """
    if not hasattr(images, "__len__") or not hasattr(images, "__getitem__"):
        raise DataError(f"images are a {type(images).__name__}; give an array, a tensor or a list")
    count, named = len(images), list(labels)
    parts = [None] * count if splits is None else list(splits)
    grouped = [None] * count if groups is None else list(groups)
    for what, values in (("labels", named), ("splits", parts), ("groups", grouped)):
        if len(values) != count:
            raise DataError(f"there are {count} images and {len(values)} {what}; give one for each image")
    items = [
        Labelled(
            f"{row:0{len(str(count))}d}",
            class_name(named[row], classes),
            Given(partial(images.__getitem__, row)),
            split_named(parts[row], f"image {row}"),
            None if grouped[row] is None else str(grouped[row]),
        )
        for row in range(count)
    ]
    return collect(Path(name), items)


def from_dataset(dataset: Any, classes: Sequence[str] | None = None, name: str = "dataset") -> ImageSet:
    """An ImageSet of a map-style torch Dataset of (image, label) pairs, without the transforms of training.

    Labels are read from ``dataset.targets`` where it has them, else by asking for every item once; names from
    ``classes`` or ``dataset.classes``. The image is anything that ``from_arrays`` takes.
    """
    targets = getattr(dataset, "targets", None)
    labels = [label_of(dataset, row) for row in range(len(dataset))] if targets is None else list(targets)
    names = classes if classes is not None else getattr(dataset, "classes", None)
    return from_arrays(Images(dataset), labels, names, name=name)


def label_of(dataset: Any, row: int) -> Any:
    """The second of an item's pair; DataError where the data set has no such thing."""
    try:
        _, label = dataset[row]
    except Exception as error:  # the user's own data set runs here
        why = f"{type(error).__name__}: {error}".split("\n")[0]
        raise DataError(f"item {row} of the data set is no (image, label) pair: {why}; mend or drop it") from None
    return label


class Images:
    """The images of a data set of (image, label) pairs."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.lock = Lock()  # not every data set may be asked by several threads at once

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, row: int) -> Any:
        with self.lock:
            return self.dataset[row][0]


def class_name(label: Any, classes: Sequence[str] | None) -> str:
    """A label as the name of its class; DataError for an id that ``classes`` does not have."""
    try:
        value = label.item() if hasattr(label, "item") else label
    except (ValueError, RuntimeError):  # more than one number
        raise DataError(f"a label is {label}; give one class id or name for each image, not one-hot rows") from None
    if value is None or value != value:  # noqa: PLR0124 - a number that is not itself is NaN
        raise DataError(f"a label is {value}; give each image a class, or leave it out")
    if isinstance(value, bytes):
        value = value.decode()
    if classes is None or (isinstance(value, str) and value in classes):
        return str(value)
    if isinstance(value, int) and 0 <= value < len(classes):
        return str(classes[value])
    raise DataError(f"the label {value!r} is no id of the {len(classes)} classes; give 0 to {len(classes) - 1}")
