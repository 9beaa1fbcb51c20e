"""What a torch Dataset says of its items without their images: labels as it hands them out, names of classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from regraft.errors import DataError

MOST_ASKED = 32  # items that are read to see whether the labels known beforehand are those handed out


@dataclass(frozen=True)
class Known:
    """Labels that a data set keeps as it keeps them, and as it probably hands them out; names of its classes."""

    stored: list[Any] | None
    labels: list[Any] | None
    classes: Sequence[str] | None
    changes: bool = False  # whether it hands out others than it keeps


def labels_and_classes(dataset: Any) -> tuple[list[Any], Sequence[str] | None, bool]:
    """Labels as the data set hands them out, its classes' names, and whether the names were passed over.

    They are where it hands out other labels than those that the names belong to.
    """
    known = known_of(dataset)
    labels = known.labels
    if labels is None or not agrees(dataset, labels):
        labels = [label_of(dataset, row) for row in range(len(dataset))]
    other = known.changes if known.stored is None else not same(known.stored, labels)
    changed = known.classes is not None and other
    return labels, None if changed else known.classes, changed


def known_of(dataset: Any) -> Known:
    """What a data set says, or those that it is made of: a Subset, a concatenation."""
    base, indices, several = (getattr(dataset, name, None) for name in ("dataset", "indices", "datasets"))
    if base is not None and indices is not None:
        below, rows = known_of(base), [int(index) for index in indices]
        names = names_of(dataset) or below.classes
        return Known(chosen(below.stored, rows), chosen(below.labels, rows), names, below.changes)
    if several is not None and len(several):
        parts = [known_of(part) for part in several]
        classes = parts[0].classes
        alike = classes is not None and all(list(part.classes or ()) == list(classes) for part in parts)
        return Known(
            joined([part.stored for part in parts]),
            joined([part.labels for part in parts]),
            names_of(dataset) or (classes if alike else None),
            any(part.changes for part in parts),
        )
    targets = getattr(dataset, "targets", None)
    stored = None if targets is None else list(targets)
    if stored is not None and len(stored) != len(dataset):
        stored = None
    changes = getattr(dataset, "target_transform", None) is not None
    return Known(stored, transformed(stored, dataset), names_of(dataset), changes)


def names_of(dataset: Any) -> Sequence[str] | None:
    """The names of its classes, where it has any."""
    names = getattr(dataset, "classes", None)
    return names if isinstance(names, Sequence) and not isinstance(names, str) and len(names) else None


def transformed(stored: list[Any] | None, dataset: Any) -> list[Any] | None:
    """The labels after the data set's ``target_transform``; None where that cannot be said."""
    change = getattr(dataset, "target_transform", None)
    if stored is None or change is None:
        return stored
    try:
        return [change(label) for label in stored]
    except Exception:  # the user's own function runs here, and the items will say
        return None


def chosen(values: list[Any] | None, rows: Sequence[int]) -> list[Any] | None:
    """The values of some rows."""
    return None if values is None else [values[row] for row in rows]


def joined(parts: Sequence[list[Any] | None]) -> list[Any] | None:
    """The values of all parts; None where one has none."""
    return [value for part in parts for value in part or ()] if all(part is not None for part in parts) else None


def agrees(dataset: Any, labels: Sequence[Any]) -> bool:
    """Whether items have these labels: one of each, then some over the length, MOST_ASKED at most."""
    if not len(labels):
        return True
    firsts: dict[str, int] = {}
    for row, label in enumerate(labels):
        firsts.setdefault(str(plain(label)), row)
    spread = range(0, len(labels), max(1, len(labels) // MOST_ASKED))
    rows = list(dict.fromkeys([*list(firsts.values())[: MOST_ASKED // 2], *spread]))[:MOST_ASKED]
    for row in rows:
        try:
            handed_out = label_of(dataset, row)
        except DataError:  # a broken image, which is left out when it is read
            continue
        if not same([labels[row]], [handed_out]):
            return False
    return True


def same(labels: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether labels are the same, whatever kind of number they are."""
    return [str(plain(label)) for label in labels] == [str(plain(label)) for label in others]


def plain(label: Any) -> Any:
    """A label as Python's own number or text, where it is one."""
    try:
        value = label.item() if hasattr(label, "item") else label
    except (ValueError, RuntimeError):  # more than one number
        return label
    return int(value) if isinstance(value, (bool, float)) and value == value and int(value) == value else value  # noqa: PLR0124


def label_of(dataset: Any, row: int) -> Any:
    """The second of an item's pair; DataError where the data set has no such thing."""
    try:
        _, label = dataset[row]
    except Exception as error:  # the user's own data set runs here
        why = f"{type(error).__name__}: {error}".split("\n")[0]
        raise DataError(f"item {row} of the data set is no (image, label) pair: {why}; mend or drop it") from None
    return label
