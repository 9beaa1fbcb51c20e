"""Many texts as a few arrays: a Python object for each takes three times the memory that its letters do."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Generic, TypeVar, overload

import numpy as np

Value = TypeVar("Value")
AT_ONCE = 10_000  # items that are objects at the same time


class Texts(Sequence[str]):
    """Texts of any length, one after another."""

    def __init__(self, letters: bytes, ends: np.ndarray) -> None:
        self.letters, self.ends = letters, ends  # as UTF-8, and where each ends (texts,)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Texts":
        """The texts, in order."""
        growing = GrowingTexts()
        for text in texts:
            growing.add(text)
        return growing.texts()

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> "Texts": ...

    def __getitem__(self, at: int | slice) -> "str | Texts":
        if isinstance(at, slice):
            return self.take(np.arange(len(self))[at])
        at = place_of(at, len(self))
        start = int(self.ends[at - 1]) if at else 0
        return self.letters[start : int(self.ends[at])].decode(errors="surrogatepass")

    def __iter__(self) -> Iterator[str]:
        start = 0
        for part in parts_of(len(self)):
            for end in self.ends[part].tolist():
                yield self.letters[start:end].decode(errors="surrogatepass")
                start = end

    def order(self) -> np.ndarray:
        """Their places, sorted by the texts: (texts,) int64."""
        texts = list(self)
        return np.array(sorted(range(len(texts)), key=texts.__getitem__), np.int64)

    def take(self, rows: np.ndarray) -> "Texts":
        """Those at some places."""
        starts = np.concatenate([[0], self.ends[:-1]])[rows] if len(self) else np.empty(0, np.int64)
        ends, letters = self.ends[rows], self.letters
        some = (letters[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True))
        return Texts(b"".join(some), np.cumsum(ends - starts))


class GrowingTexts:
    """Texts that come one by one."""

    def __init__(self) -> None:
        self.letters, self.ends = bytearray(), array("q")

    def add(self, text: str) -> None:
        """One more."""
        self.letters += text.encode(errors="surrogatepass")  # names may hold what no encoding has
        self.ends.append(len(self.letters))

    def texts(self) -> Texts:
        """All of them."""
        return Texts(bytes(self.letters), numbers_in(self.ends, np.int64))


class Hashes(Sequence[str]):
    """Short texts of ASCII letters of about the same length."""

    def __init__(self, letters: np.ndarray) -> None:
        self.letters = letters  # (texts,), of bytes

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Hashes":
        """The texts, in order."""
        if isinstance(texts, Hashes):
            return texts
        left, parts = iter(texts), []
        while part := [text.encode(errors="surrogatepass") for _, text in zip(range(AT_ONCE), left, strict=False)]:
            parts.append(np.array(part, "S"))
        return cls(np.concatenate(parts) if parts else np.empty(0, "S1"))

    def __len__(self) -> int:
        return len(self.letters)

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> "Hashes": ...

    def __getitem__(self, at: int | slice) -> "str | Hashes":
        if isinstance(at, slice):
            return Hashes(self.letters[at])
        return bytes(self.letters[at]).decode(errors="surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return (
            letters.decode(errors="surrogatepass")
            for part in parts_of(len(self))
            for letters in self.letters[part].tolist()
        )

    def __eq__(self, other: object) -> bool:
        return same_items(self, other)

    __hash__ = None  # type: ignore[assignment]

    def take(self, rows: np.ndarray) -> "Hashes":
        """Those at some places."""
        return Hashes(self.letters[rows])

    def rows_of(self, others: "Hashes") -> np.ndarray:
        """The row of each of ``others``, none of which is here twice; -1 where it is not here."""
        order = np.argsort(self.letters)
        places = np.searchsorted(self.letters, others.letters, sorter=order).clip(max=len(order) - 1)
        return np.where(self.letters[order[places]] == others.letters, order[places], -1)

    def first_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """The row of the first of each different text, by the texts; and for each text which of these it is."""
        _, first, which = np.unique(self.letters, return_index=True, return_inverse=True)
        return first, which


class Coded(Sequence[Value]):
    """Values of which there are few different ones, by their numbers."""

    def __init__(self, values: Sequence[Value], codes: np.ndarray) -> None:
        self.values, self.codes = values, codes

    @classmethod
    def of(cls, values: Iterable[Value]) -> "Coded[Value]":
        """The values, in order."""
        growing = GrowingCoded[Value]()
        for value in values:
            growing.add(value)
        return growing.coded()

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, at: int) -> Value: ...

    @overload
    def __getitem__(self, at: slice) -> "Coded[Value]": ...

    def __getitem__(self, at: int | slice) -> "Value | Coded[Value]":
        return Coded(self.values, self.codes[at]) if isinstance(at, slice) else self.values[self.codes[at]]

    def __iter__(self) -> Iterator[Value]:
        parts = (self.codes[part].tolist() for part in parts_of(len(self)))
        return map(self.values.__getitem__, chain.from_iterable(parts))

    def take(self, rows: np.ndarray) -> "Coded[Value]":
        """Those at some places."""
        return Coded(self.values, self.codes[rows])

    def rows_of(self, value: Value) -> np.ndarray:
        """The rows that have a value."""
        return np.flatnonzero(self.codes == self.values.index(value) if value in self.values else False * self.codes)

    def present(self) -> list[Value]:
        """The different values that there are."""
        return [self.values[code] for code in np.unique(self.codes).tolist()]


class GrowingCoded(Generic[Value]):
    """Values that come one by one."""

    def __init__(self) -> None:
        self.known: dict[Value, int] = {}
        self.codes = array("i")

    def add(self, value: Value) -> None:
        """One more."""
        self.codes.append(self.known.setdefault(value, len(self.known)))

    def coded(self) -> Coded[Value]:
        """All of them."""
        return Coded(tuple(self.known), numbers_in(self.codes, np.intc))


def numbers_in(numbers: "array[int]", kind: type) -> np.ndarray:
    """The numbers of an array that is no longer added to."""
    return np.frombuffer(numbers, kind) if numbers else np.empty(0, kind)


def parts_of(count: int) -> Iterator[slice]:
    """AT_ONCE places at a time."""
    edges = [*range(0, count, AT_ONCE), count]
    return (slice(start, end) for start, end in pairwise(edges))


def place_of(at: int, count: int) -> int:
    """A place counted from the start; IndexError where there is none."""
    place = int(at) + count if at < 0 else int(at)
    if not 0 <= place < count:
        raise IndexError(f"there are {count}, and no number {at}")
    return place


def same_items(one: Sequence[Value], other: object) -> bool:
    """Whether ``other`` has the same items in the same order."""
    if not isinstance(other, Sequence) or isinstance(other, str) or len(one) != len(other):
        return False
    return all(a == b for a, b in zip(one, other, strict=True))
