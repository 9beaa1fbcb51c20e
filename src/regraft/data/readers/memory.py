"""Images that are in memory or come from a data set in Python."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from regraft.data.content import Given
from regraft.data.images import KEPT, Fault, ImageSet, Labelled, collect, split_named
from regraft.data.labels import check_labels, is_missing
from regraft.data.readers.dataset_labels import labels_and_classes
from regraft.errors import DataError

ONE_EACH = "give one class id or name for each image; several labels are multi-label, which regraft does not do"


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
    names = [class_name(label, classes) for label in named]
    word = None if classes is not None else check_labels(Counter(names), name)
    items = [
        Labelled(
            f"{row:0{len(str(count))}d}",
            names[row],
            Given(partial(images.__getitem__, row)),
            split_named(parts[row], f"image {row}"),
            None if grouped[row] is None else str(grouped[row]),
        )
        for row in range(count)
    ]
    faults = [Fault(name, "numbers as labels", word, KEPT, count)] if word else []
    ids = classes is None and all(one.isdecimal() for one in names)  # in the order of the numbers, as they are ids
    return collect(Path(name), items, faults, order=int if ids else str)


def from_dataset(dataset: Any, classes: Sequence[str] | None = None, name: str = "dataset") -> ImageSet:
    """An ImageSet of a map-style torch Dataset of (image, label) pairs, without the transforms of training.

    Labels are those that the data set hands out. They are taken from ``targets`` and ``target_transform`` where some
    items agree with these, else from every item once; names from ``classes``, the data set's own or those of the one
    that it is a Subset of. The image is anything that ``from_arrays`` takes.
    """
    labels, names, changed = labels_and_classes(dataset)
    images = from_arrays(Images(dataset), labels, classes if classes is not None else names, name=name)
    if not changed or classes is not None:
        return images
    why = "it hands out other labels than its names belong to; name them with classes="
    return images.noting([Fault(name, "names passed over", why, KEPT, len(images.files))])


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
        raise DataError(f"a label is {str(label)[:80]}; {ONE_EACH}") from None
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        raise DataError(f"a label is {str(value)[:80]}; {ONE_EACH}")
    if isinstance(value, bytes):
        value = value.decode()
    named = isinstance(value, str) and classes is not None and value in classes
    if value is None or value != value or (isinstance(value, str) and not named and is_missing(value.strip())):  # noqa: PLR0124 - a number that is not itself is NaN
        raise DataError(f"a label is {value!r}; give each image a class, or leave it out")
    if classes is None or named:
        return str(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and 0 <= value < len(classes):
        return str(classes[value])
    raise DataError(f"the label {value!r} is no id of the {len(classes)} classes; give 0 to {len(classes) - 1}")
