"""The index of a store, and the neighbours among very many."""

import hashlib
import json
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from stores import image_look

from regraft.data.identity import Look
from regraft.data.looks import Looks
from regraft.data.split import Split, in_order, numbered, numbered_hashes, ranks_within_class
from regraft.data.texts import Hashes
from regraft.features import clusters, neighbours
from regraft.features.features import Features
from regraft.features.rows import Rows
from regraft.features.shard import Index, Shard
from regraft.runs.folder import write_json, write_json_with
from regraft.runs.rows import csv_of, write_rows


def shard(numbers: list[int], size: int = 40) -> Shard:
    looks = Looks.of(Look(image_look(number).content, f"{number % 5}", size, 30) for number in numbers)
    return Shard(Path(f"{numbers}"), Index("k", looks, {}), np.empty(0))


def test_the_index_is_what_a_dictionary_would_be() -> None:
    draw = np.random.default_rng(0)
    shards = [shard(draw.integers(0, 400, size).tolist(), place) for place, size in enumerate((30, 5, 1, 90, 2, 2, 50))]
    rows, known = Rows(), dict[str, tuple[Shard, int]]()
    for one in shards:
        rows = rows.with_shard(one)
        known |= {content: (one, place) for place, content in enumerate(one.contents)}
        assert rows == known
        assert list(rows) == list(known)
    assert (len(rows), len(rows.blocks) < len(shards), rows.get("none"), "none" in rows) == (
        len(known),
        True,
        None,
        False,
    )
    assert Rows.of(shards) == known
    asked = Hashes.of(draw.permutation(list(known)))
    assert list(rows.looks_of(asked)) == [rows[content].look for content in asked]
    left = rows.without(shards[3])
    assert {row.shard for row in left.values()} <= {one for one in shards if one is not shards[3]}
    with pytest.raises(KeyError):
        rows.looks_of(Hashes.of([*asked, "none"]))
    assert (len(Rows()), list(Rows()), Rows().get("a")) == (0, [], None)


def test_a_row_of_the_index_takes_little_memory() -> None:
    kept = []
    for count in (2_000, 4_000):
        numbers = list(range(count))
        tracemalloc.start()
        rows = Rows().with_shard(shard(numbers))
        assert image_look(7).content in rows
        kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert (kept[1] - kept[0]) / 2_000 < 220  # of a dictionary it is 500


class Made:
    """Features of a single cut that lie in memory."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.most = values, 0

    def pooled(self, cuts: object, rows: np.ndarray) -> np.ndarray:
        self.most = max(self.most, len(rows))
        return self.values[rows]


def planted(images: int = 3_000, copies: int = 60, channels: int = 24) -> tuple[Any, np.ndarray, np.ndarray]:
    """Images in lumps, some of them copies with noise; those that ask, and the others."""
    draw = np.random.default_rng(0)
    lumps = draw.normal(size=(40, channels))
    values = lumps[draw.integers(0, 40, images)] + draw.normal(0, 0.7, (images, channels))
    values[:copies] = values[-copies:] + draw.normal(0, 0.05, (copies, channels))
    return Made(values.astype(np.float32)), np.arange(images // 5), np.arange(images // 5, images)


CUT: Any = SimpleNamespace(channels=24)


def test_copies_are_found_among_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    features, rows, others = planted()
    exact, distances = neighbours.nearest_of(features, CUT, rows, others)
    monkeypatch.setattr(neighbours, "VERY_LARGE", 0)
    monkeypatch.setattr(neighbours, "AT_ONCE", 250)
    for module in (neighbours, clusters):
        monkeypatch.setattr(module, "BLOCK", 64)  # a cluster is larger
    found, near = neighbours.nearest_of(features, CUT, rows, others)
    assert (found[:60] == np.arange(2_940, 3_000)).all()
    np.testing.assert_allclose(near[:60], distances[:60], atol=1e-5)
    assert (found == exact).mean() > 0.85
    assert (near >= distances - 1e-5).all()
    again, _ = neighbours.nearest_of(features, CUT, rows, others)
    assert (again == found).all()


def test_with_all_clusters_compared_the_nearest_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    features, rows, others = planted(1_000)
    exact, distances = neighbours.nearest_of(features, CUT, rows, others)
    monkeypatch.setattr(neighbours, "VERY_LARGE", 0)
    monkeypatch.setattr(clusters, "PROBED", 10_000)
    found, near = neighbours.nearest_of(features, CUT, rows, others)
    assert (found == exact).all()
    np.testing.assert_allclose(near, distances, atol=1e-5)


# --- what was done with dictionaries before ---


def test_the_split_is_what_it_was_with_dictionaries() -> None:
    draw = np.random.default_rng(0)
    labels, pixels = draw.integers(0, 4, 300), [f"{number:032x}" for number in draw.integers(0, 200, 300)]
    first: dict[str, int] = {}
    for label, pixel in zip(labels.tolist(), pixels, strict=True):
        first.setdefault(pixel, label)
    place: dict[str, int] = {}
    sizes = dict[int, int]()
    for label in range(4):
        members = [pixel for pixel, own in first.items() if own == label]
        members.sort(key=lambda pixel: hashlib.blake2b(f"7/{pixel}".encode(), digest_size=8).digest())
        place |= {pixel: rank for rank, pixel in enumerate(members)}
        sizes[label] = len(members)
    for given in (pixels, Hashes.of(pixels)):
        ranks = ranks_within_class(labels, given, 7)
        assert ranks.rank.tolist() == [place[pixel] for pixel in pixels]
        assert ranks.label.tolist() == [first[pixel] for pixel in pixels]
        assert ranks.size.tolist() == [sizes[first[pixel]] for pixel in pixels]
        rows = draw.permutation(300)[:200]
        assert in_order(rows, given, labels).tolist() == sorted(rows, key=lambda row: (pixels[row], labels[row]))
    assert (numbered_hashes(Hashes.of(pixels)) == numbered(pixels)).all()
    none = np.empty(0, np.int64)
    part = Split(np.array([4, 0]), none, np.array([2]), "val", none, none).part_of()
    assert (dict(part), part.get(1), part.get(9), len(part)) == ({0: "train", 2: "val", 4: "train"}, None, None, 3)


def test_the_fingerprint_is_what_it_was_with_one_long_text() -> None:
    names, words = ("a", "a b", "a/é", "\udcff"), [f"{number:032x}" for number in (5, 3, 3, 9, 1, 2)]
    labels = np.array([0, 1, 2, 3, 0, 1])
    features: Any = SimpleNamespace(images=SimpleNamespace(classes=names), labels=labels)
    text = "\n".join(sorted(f"{names[label]}/{word}" for label, word in zip(labels, words, strict=True)))
    expected = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    assert Features.hash_with_names(features, Hashes.of(words)) == expected


@pytest.mark.parametrize("count", [0, 1, 3])
def test_rows_that_are_written_as_they_come_are_the_same_file(tmp_path: Path, count: int) -> None:
    rows = [{"path": f"é{i}", "split": None, "n": i, "p": 0.5} for i in range(count)]
    write_json(tmp_path / "a", {"b": {"c": []}, "files": rows})
    write_json_with(tmp_path / "b", {"b": {"c": []}}, "files", iter(rows))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert json.loads((tmp_path / "b").read_text())["files"] == rows
    write_rows(tmp_path / "c", iter(rows))
    assert (tmp_path / "c").read_bytes() == csv_of(rows)
