"""What a comparison is made of: its budgets, its parts, its tables, what it keeps."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import regraft as package
from regraft.data.split import smaller, split_images
from regraft.errors import RecipeError
from regraft.evaluation.comparison import kept, words
from regraft.evaluation.comparison.budget import Budget, budgets_of
from regraft.evaluation.comparison.kept import Figures, Outcome
from regraft.evaluation.comparison.regret import regret_of
from regraft.evaluation.comparison.table import Table, table_of
from regraft.evaluation.comparison.trainings import Scored

Make = Callable[..., Path]


def test_budgets_are_read() -> None:
    assert budgets_of([]) == (Budget(),)
    assert budgets_of(["10,5m", 10]) == (Budget(epochs=10), Budget(seconds=300))
    with pytest.raises(RecipeError, match="--budget is '-3'"):
        budgets_of(["-3"])


def test_smaller_parts_are_nested_and_in_proportion(make_folder: Make) -> None:
    images = package.from_arrays(np.zeros((60, 8, 8, 3), np.uint8), [0] * 40 + [1] * 20)
    pixels = [f"{i:03d}" for i in range(60)]
    split = split_images(images, pixels, 0)
    ten, twenty = (smaller(split, images.labels, pixels, size, 0) for size in (12, 24))
    assert set(ten.train) < set(twenty.train) < set(split.train)
    assert np.bincount(images.labels[ten.train]).tolist() == [8, 4]
    assert (ten.test == split.test).all()
    assert len(ten.folds) == len(ten.units) == len(ten.train)


def test_regret_has_no_winners_curse() -> None:
    rng = np.random.default_rng(0)
    found = []
    for turn in range(60):  # five strategies that are equally good: nothing is lost by following any
        right = {str(i): rng.random(80) < 0.8 for i in range(5)}
        found.append(regret_of(right, "0", turn))
    naive = np.mean([max(rng.random((5, 80)).__lt__(0.8).mean(axis=1)) - 0.8 for _ in range(60)])
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(60)
    assert naive > 0.03
    better = rng.random(400) < 0.95
    assert regret_of({"plan": rng.random(400) < 0.7, "other": better}, "plan", 0) > 0.15


def test_regret_keeps_groups_in_one_half() -> None:
    right = {"a": np.array([True] * 10 + [False] * 10), "b": np.array([False] * 10 + [True] * 10)}
    two = ["first"] * 10 + ["second"] * 10
    assert regret_of(right, "a", 0, two) == -0.5  # each half's winner is wrong on all of the other: 0 - 0 and 0 - 1
    assert regret_of(right, "a", 0) > -0.4


def scored(names: dict[str, float], planned: str, repeats: int = 4, images: int = 200) -> list[Scored]:
    """Trainings that never were: each strategy right on so many of two classes' images."""
    made = []
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        labels = np.arange(images) % 2
        job = SimpleNamespace(
            plan=SimpleNamespace(strategy=planned), split=SimpleNamespace(reported="test", test=np.arange(images))
        )
        part = SimpleNamespace(
            repeat=repeat, job=job, labels=labels, groups=[None] * images, images=4 * images, ratio=0.25
        )
        outcomes = {}
        for name, accuracy in names.items():
            right = rng.permutation(images) < accuracy * images
            probabilities = np.where((labels == 1) == right, 0.8, 0.2)
            figures = Figures(name, "", (), accuracy, None, 3, 1.0, 1)
            outcomes[name] = Outcome(figures, np.stack([1 - probabilities, probabilities], axis=1))
        made.append(Scored(part, Budget(), outcomes))  # type: ignore[arg-type]
    return made


def a_table(names: dict[str, float], planned: str = "head", **more: Any) -> Table:
    return table_of(scored(names, planned, **more), ["a", "b"])


def test_table_says_who_is_better_and_counts_joined_heads_as_not_planned() -> None:
    table = a_table({"head": 0.9, "early-layers": 0.9, "joined": 0.91, "fine-tune": 0.85, "from-scratch": 0.5})
    by_name = {one.other: one for one in table.contrasts}
    assert by_name["from-scratch"].difference.mean == pytest.approx(0.4)
    assert by_name["from-scratch"].difference.better == 1
    assert by_name["joined"].adjusted_p is None
    assert by_name["fine-tune"].adjusted_p is not None
    assert table.lead is not None
    assert table.lead.mean == pytest.approx(0.85 - 0.91)
    assert words.headline(table).startswith("The plan (head) reaches 90.0% over 4 splits")
    row = next(row for row in table.rows if row.strategy == "head")
    assert row.negative_log_likelihood == pytest.approx(-0.9 * np.log(0.8) - 0.1 * np.log(0.2))


def test_one_repeat_is_one_test_set() -> None:
    table = a_table({"head": 0.9, "fine-tune": 0.8}, repeats=1)
    assert table.contrasts[0].difference.test == "McNemar"
    assert table.regret[1] is None
    assert "one test set of 200 images" in words.headline(table)


def test_learning_curve_says_where_small_ends() -> None:
    few = a_table({"head": 0.8, "fine-tune": 0.6}, images=100)
    many = a_table({"head": 0.8, "fine-tune": 0.9}, images=200)
    said = " ".join(words.curve_in_words([few, many]))
    assert "Up to 400 training images a frozen network is ahead" in said
    assert "From 800 on training every layer is ahead" in said
    assert "The plan took head at 400, head at 800" in said
    assert "From" not in " ".join(words.curve_in_words([few, few]))


def test_kept_training_of_another_shape_is_none(tmp_path: Path) -> None:
    outcome = Outcome(Figures("head", "", ("a",), 0.5, None, 0, 1.0, 2), np.full((3, 2), 0.5, np.float32))
    kept.write(tmp_path, "key", outcome)
    read = kept.read(tmp_path, "key", 3, 2)
    assert read is not None
    assert read.figures == outcome.figures
    assert kept.read(tmp_path, "key", 4, 2) is None
    assert kept.read(tmp_path, "other", 3, 2) is None
