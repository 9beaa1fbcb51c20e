"""What labels are that a table or a data set gives: missing, numbers, several in one, or names of classes."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from regraft.data.spelling import number_of
from regraft.errors import DataError

MISSING = frozenset(("", "nan", "-nan", "n/a", "#n/a", "#n/a n/a", "#na", "<na>", "null", "nat", "1.#qnan", "-1.#ind"))
MISSING_AS_WRITTEN = frozenset(("NA", "None"))  # as R and Python write them; in small letters they are names
MANY = 20  # different numbers, from which on they rather measure than name
FEW_EACH = 3  # images of each number, below which numbers name nothing
FEW = 5  # different numbers that are never too many
NUMBERS = 0.9  # share of images whose labels are numbers, where labels count as numbers
HALF = 0.5  # share of combinations that must be made of other labels
NEARLY_ALL = 0.8  # the same where no label stands alone
LIST = re.compile(r"[\[({].*[\])}]", re.DOTALL)
SEPARATORS = {",": "commas", ";": "semicolons", "|": "bars", "+": "plus signs", "&": "and signs", "/": "slashes"}
Parts = dict[str, list[str]]


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no label, as pandas reads tables."""
    return text.casefold() in MISSING or text in MISSING_AS_WRITTEN


def check_labels(counts: Mapping[str, int], where: str) -> str | None:
    """Refuse labels that are no classes; ``counts``: images by label. What is odd about them, if anything.

    Raises DataError for several labels in one, and for numbers that measure.
    """
    numbers = numbers_of(counts)
    if sum(counts[label] for label in numbers) >= NUMBERS * sum(counts.values()):
        word = check_numbers(counts, numbers, where)
        if word:
            return word
    combination = combination_in(counts)
    if combination:
        label, how = combination
        raise DataError(
            f"{where} has several labels for an image ('{label[:80]}', {how}): that is multi-label, which regraft"
            " does not do; give each image one class, or write a combination that is a class as one word"
        )
    return None


def numbers_of(labels: Iterable[str]) -> dict[str, Decimal]:
    """The labels that are numbers; with a comma for a point only where there are too many for ids in pairs."""
    points = {label: number for label in labels if (number := number_of(label)) is not None}
    commas = {
        label: number
        for label in labels
        if label.count(",") == 1 and (number := number_of(label.replace(",", "."))) is not None
    }
    return points | commas if len(set(commas.values())) > FEW and len(commas) > len(points) else points


def check_numbers(counts: Mapping[str, int], numbers: Mapping[str, Decimal], where: str) -> str | None:
    """Refuse numbers that are amounts, not names (DataError); a word where they may be."""
    values, images = sorted(set(numbers.values())), sum(counts.values())
    whole = all(value == value.to_integral_value() for value in values)
    rare = len(values) > FEW and images < FEW_EACH * len(values)
    ids = whole and values[0] in {0, 1} and values[-1] - values[0] == len(values) - 1
    padded = whole and any(re.match(r"0\d", label) for label in numbers)
    many = len(values) > MANY
    if (not whole and (many or rare)) or (many and rare and not ids and not padded):
        raise DataError(
            f"{where} has {len(values)} different numbers as labels of {images} images: numbers to predict are"
            " regression, which regraft does not do; give classes, as 'under 20' and '20 or more'"
        )
    if not whole or ((many or rare) and not ids and not padded):
        return f"{len(values)} different numbers count as classes; numbers to predict would be regression"
    return None


def combination_in(labels: Mapping[str, int]) -> tuple[str, str] | None:
    """One label that is made of several, and how; None where each is a class of its own."""
    listed = [label for label in labels if LIST.fullmatch(label)]
    if 2 * len(listed) > len(labels):
        return max(listed, key=len), "a list"
    for separator, how in SEPARATORS.items():
        parts = parts_of(labels, separator)
        if parts and are_combined(parts, labels):
            return max(parts, key=lambda label: len(parts[label])), f"parted by {how}"
    parts = parts_of(labels, None)
    if parts and are_tags(parts, labels):
        return max(parts, key=lambda label: len(parts[label])), "parted by spaces"
    return None


def parts_of(labels: Iterable[str], separator: str | None) -> Parts:
    """The labels that have several different parts, with these in order."""
    split = {label: dict.fromkeys(part.strip() for part in label.split(separator)) for label in labels}
    return {label: [part for part in parts if part] for label, parts in split.items() if len(set(parts) - {""}) > 1}


def are_combined(parts: Parts, labels: Collection[str]) -> bool:
    """Whether labels with a separator are combinations: their parts are labels, or come again in any place."""
    alone = sum(any(part in labels for part in each) for each in parts.values())
    return alone >= HALF * len(parts) or (come_again(parts, labels) >= NEARLY_ALL and are_free(parts))


def are_tags(parts: Parts, labels: Collection[str]) -> bool:
    """Whether labels with spaces are combinations; most names of classes hold a word of their own."""
    words = {part for each in parts.values() for part in each}
    alone = words & set(labels)
    again = come_again(parts, labels)
    if sum(alone.issuperset(each) for each in parts.values()) >= HALF * len(parts):
        return True
    if again >= HALF and len(alone) > 1 and len(alone) >= HALF * len(words):
        return True
    varied = len({len(each) for each in parts.values()}) > 1 or words == {"0", "1"}  # a row of marks has one length
    return again >= NEARLY_ALL and varied and len(words) < len(labels) and are_free(parts)


def come_again(parts: Parts, labels: Collection[str]) -> float:
    """The share of labels with parts of which every part is in another label too."""
    uses = Counter(part for each in parts.values() for part in each)
    again = sum(all(part in labels or uses[part] > 1 for part in each) for each in parts.values())
    return again / len(parts)


def are_free(parts: Parts) -> bool:
    """Whether a part comes first in one label and later in another, as kinds and their qualities never do."""
    first = {each[0] for each in parts.values()}
    return any(part in first for each in parts.values() for part in each[1:])
