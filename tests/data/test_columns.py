"""Images as columns give what Python objects gave, and take little memory a row."""

import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pytest

from regraft.data.content import Given, InTar, Known, OnDisk, OpenFile
from regraft.data.gathered import Gathered, Labelled
from regraft.data.identity import Look
from regraft.data.image_files import Files
from regraft.data.images import ImageFile, ImageSet, collect
from regraft.data.looks import Looks
from regraft.data.texts import Coded, Hashes, Texts
from regraft.errors import DataError

NAMES = ["", "a", "ünïcode/ö.jpg", "\udcff\udc00.png", "a" * 500, "日本.png", "a"]
WHERE = [[0, 3], [-1], [], [6, 0, 0, 5]]


def files_of_kinds() -> list[ImageFile]:
    with TemporaryFile() as file:
        tar, other = OpenFile(file), OpenFile(file)
    contents = [InTar(tar, 512, 9), OnDisk(Path("x/ö.png")), Given(lambda: 0), InTar(other, 1 << 40, 7), OnDisk(Path())]
    return [
        ImageFile(f"{i}/{i}.png", i % 3, ("train", "val", None)[i % 3], content, "g" if i == 2 else None)
        for i, content in enumerate(contents)
    ]


@pytest.mark.parametrize("kind", [Texts, Coded])
def test_texts_come_back_as_they_were(kind: type[Texts]) -> None:
    column = kind.of(NAMES)
    assert (list(column), len(column)) == (NAMES, len(NAMES))
    assert [column[i] for i in range(-len(NAMES), len(NAMES))] == NAMES * 2
    assert list(column[1:6:2]) == NAMES[1:6:2]
    for rows in WHERE:
        assert list(column.take(np.array(rows, np.int64))) == [NAMES[row] for row in rows]
    assert (list(kind.of([])), "".join(kind.of(iter("ab")))) == ([], "ab")
    with pytest.raises(IndexError):
        column[len(NAMES)]


def test_hashes_are_texts_of_ascii_and_know_which_are_the_same() -> None:
    words = [f"{random.Random(i % 7).getrandbits(128):032x}" for i in range(50)]
    hashes = Hashes.of(words)
    assert (list(hashes), hashes[3], hashes == words, hashes == words[1:]) == (words, words[3], True, False)
    first, which = hashes.first_rows()
    assert {words[row] for row in first} == set(words)
    assert [words[first[own]] for own in which] == words
    assert [words.index(words[row]) for row in first] == first.tolist()
    rows = hashes.take(first).rows_of(Hashes.of([words[4], "0" * 32, words[0]]))
    assert [first[row] if row >= 0 else -1 for row in rows] == [4, -1, 0]


def test_files_come_back_as_they_were() -> None:
    given = files_of_kinds()
    files = Files.of(iter(given))
    assert files == given
    assert list(files) == [files[i] for i in range(len(given))] == given
    assert [one.content for one in files] == [one.content for one in given] == list(files.contents)
    assert files[-2].content == given[-2].content
    assert files[::-1] == given[::-1]
    assert (files != given[1:], Files.of(files) is files, Files.of([]) == ()) == (True, True, True)
    pinned = files.pinned(Hashes.of("abcde"))
    assert [one.content for one in pinned] == [Known(file.content, x) for file, x in zip(given, "abcde", strict=True)]
    assert pinned.take(np.array([4]))[0].content == Known(given[4].content, "e")


def test_a_set_of_images_takes_any_sequence_of_files() -> None:
    given = tuple(files_of_kinds())
    images = ImageSet(Path("there"), ("a", "b", "c"), given)  # type: ignore[arg-type]
    assert (images.files == given, images.splits) == (True, ("train", "val"))
    assert images.labels.tolist() == [file.label for file in given]
    assert images.counts() == {"train": {"a": 2, "b": 0, "c": 0}, "val": {"a": 0, "b": 2, "c": 0}}
    assert [file.name for file in images.of([3, 0]).files] == ["3/3.png", "0/0.png"]


def test_classes_get_ids_when_all_images_are_there() -> None:
    content = Given(lambda: 0)
    items = [
        Labelled(f"{i}", label, content, split)
        for i, (label, split) in enumerate(
            [("e\u0301", "train"), ("b", "val"), ("\xe9", "train"), ("B", "train"), ("z", "test"), ("b", None)]
        )
    ]
    for given in (items, iter(items), Gathered(items)):
        images = collect(Path("there"), given)
        assert images.classes == ("B", "\xe9")
        assert [(file.name, file.label) for file in images.files] == [("0", 1), ("1", 0), ("2", 1), ("3", 0)]
        kinds = [(fault.path, fault.kind, fault.images) for fault in images.faults]
        assert kinds == [
            ("\xe9", "class spelt twice", 2),
            ("5", "no split", 1),
            ("test/z", "class not in train", 1),
            ("val/b", "class spelt twice", 1),
        ]
    with pytest.raises(DataError):
        collect(Path("there"), [])


def bytes_a_row(make: Callable[[int], object]) -> float:
    """What 2,000 rows more keep."""
    make(10)
    kept = []
    for count in (2_000, 4_000):
        tracemalloc.start()
        made = make(count)
        kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        del made
    return (kept[1] - kept[0]) / 2_000


def test_a_row_takes_little_memory() -> None:
    with TemporaryFile() as file:
        tar = OpenFile(file)

    def listed(count: int) -> ImageSet:
        names = (
            Labelled(f"s-000.tar/{i:08d}.jpg", f"class {i % 9}", InTar(tar, i << 9, 900), None) for i in range(count)
        )
        return collect(Path("there"), names)

    def on_disk(count: int) -> Files:
        names = (f"/somewhere/class/{i:08d}.jpg" for i in range(count))
        return Files.of(ImageFile(name[-12:], 0, None, OnDisk(Path(name))) for name in names)

    def looked(count: int) -> Looks:
        return Looks.of(Look(f"{i:032x}", f"{-i % count:032x}", 640 + i, 480) for i in range(count))

    assert bytes_a_row(listed) < 250  # of objects it is 500
    assert bytes_a_row(on_disk) < 250
    assert bytes_a_row(looked) < 180  # of objects it is 300
