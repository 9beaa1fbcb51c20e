"""Strategies side by side."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import regraft as package
from regraft.data.split import smaller, split_images
from regraft.errors import RecipeError, RegraftError
from regraft.evaluation.comparison import kept, words
from regraft.evaluation.comparison.budget import Budget, budgets_of
from regraft.evaluation.comparison.compare import compare
from regraft.evaluation.comparison.kept import Figures, Outcome
from regraft.evaluation.comparison.regret import regret_of
from regraft.evaluation.comparison.result import Comparison
from regraft.evaluation.comparison.table import Table, table_of
from regraft.evaluation.comparison.trainings import Bench, Scored
from regraft.recipe import Recipe
from regraft.training.strategy import Trainer

Regraft = Callable[..., tuple[int, str, str]]
Make = Callable[..., Path]
SMALL = Recipe(backbone="demonstration", image_size=32)


def without_seconds(value: Any) -> Any:
    """Plain data, but for what a clock says."""
    value = json.loads(json.dumps(value))
    if isinstance(value, dict):
        return {key: without_seconds(one) for key, one in value.items() if key not in {"seconds", "folder", "page"}}
    return [without_seconds(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def quick(tmp_path: Path, make_folder: Make) -> Callable[..., Comparison]:
    """A comparison on a small set: two repeats, an epoch each."""
    root = make_folder(each=15)

    def run(name: str = "compare", **more: Any) -> Comparison:
        return compare(root, SMALL, **{"repeats": 2, "budgets": [1], "out": tmp_path / name, **more})

    return run


def test_twice_with_one_seed_gives_the_same_table_and_trains_nothing_again(quick: Callable[..., Comparison]) -> None:
    first, elsewhere = quick("one"), quick("two")
    assert first.trainings == elsewhere.trainings == 10  # five strategies, two repeats
    assert without_seconds(first.as_dict()) == without_seconds(elsewhere.as_dict())
    again = quick("one")
    assert again.trainings == 0
    assert again.as_dict()["tables"] == first.as_dict()["tables"]


def test_killed_half_way_only_the_rest_is_trained(
    quick: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, done = Trainer.train, []

    def counted(self: Trainer, recipe: Recipe, name: str, *more: Any) -> Any:
        if len(done) == 6:
            raise KeyboardInterrupt
        done.append(name)
        return train(self, recipe, name, *more)

    monkeypatch.setattr(Trainer, "train", counted)
    with pytest.raises(KeyboardInterrupt):
        quick()
    monkeypatch.setattr(Trainer, "train", train)
    assert quick().trainings == 4


def test_more_repeats_train_the_new_ones_alone(quick: Callable[..., Comparison]) -> None:
    quick()
    assert quick(repeats=3).trainings == 5


def test_damaged_training_is_made_again(quick: Callable[..., Comparison], tmp_path: Path) -> None:
    first = quick()
    kept_files = sorted((tmp_path / "compare" / "trainings").iterdir())
    kept_files[0].write_bytes(kept_files[0].read_bytes()[:-40])
    kept_files[1].write_bytes(b"")
    again = quick()
    assert again.trainings == 2
    assert without_seconds(again.as_dict()["tables"]) == without_seconds(first.as_dict()["tables"])


def test_other_data_or_settings_are_other_trainings(quick: Callable[..., Comparison], tmp_path: Path) -> None:
    quick()
    (tmp_path / "data" / "class0" / "000.png").unlink()
    assert quick().trainings == 10
    shutil.rmtree(tmp_path / "compare")
    quick(repeats=1, budgets=[2])
    assert quick(repeats=1, budgets=[1]).trainings == 2  # heads know no epochs


def test_sizes_and_budgets_have_a_table_each(quick: Callable[..., Comparison]) -> None:
    made = quick(sizes=[12], budgets=["1,1s"], repeats=1)
    assert [table.budget for table in made.tables] == ["1 epoch", "1 second"]
    assert [[table.training_images for table in curve] for curve in made.curves] == [[12, 24], [12, 24]]
    assert {row.strategy for row in made.tables[0].rows} == {
        "head", "early-layers", "joined", "fine-tune", "from-scratch",
    }  # fmt: skip
    assert next(row for row in made.tables[0].rows if row.strategy == "fine-tune").epochs == 1
    page = (made.folder / "compare.html").read_text()
    assert "How many images it takes" in page
    assert page.count("<svg") == 4
    assert (made.folder / "compare.csv").read_text().count("\n") == 1 + 2 * 2 * 6


def test_each_strategy_chooses_from_as_many_settings(quick: Callable[..., Comparison]) -> None:
    made = quick(settings=2, repeats=1)
    assert made.trainings == 10
    assert all(sum(row.settings.values()) == 1 for row in made.tables[0].rows)


def test_own_test_part_is_the_one_that_is_judged_on(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(parts=("train", "test"), each=10)
    code, out, err = regraft(
        "compare", root, "--backbone", "demonstration", "--image-size", 32, "--budget", 1, "--out", tmp_path / "c",
        "--json", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    result = json.loads(out)
    assert result["repeats"] == 1
    assert result["tables"][0]["test_images"] == 20
    assert {row["test"] for row in result["tables"][0]["contrasts"]} == {"McNemar"}
    assert "compares two fitted networks" in " ".join(result["sentences"])
    code, _, err = regraft("compare", root, "--repeats", 3, "--quiet")
    assert (code, "leave --repeats out" in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--budget", "soon"), "--budget is 'soon'"),
        (("--budget", "0"), "--budget is '0'"),
        (("--sizes", "ten"), "--sizes has 'ten'"),
        (("--sizes", "1000"), "--sizes has 1,000"),
        (("--repeats", "0"), "--repeats is 0"),
        (("--settings", "4"), "--settings is 4"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(
    regraft: Regraft, make_folder: Make, tmp_path: Path, options: tuple[str, str], word: str
) -> None:
    root = make_folder(each=6)
    network = ("--backbone", "demonstration", "--image-size", 32)
    code, out, err = regraft("compare", root, *network, *options, "--out", tmp_path / "c", "--quiet")
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert word in err
    assert not (tmp_path / "c").exists()


def test_a_folder_of_something_else_is_left_alone(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(each=6)
    code, _, err = regraft("compare", root, "--out", root, "--overwrite", "--quiet")
    assert code == 2
    assert "holds something else" in err
    assert len(list(root.rglob("*.png"))) == 12


def test_recipe_that_names_what_is_compared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="strategy, epochs is what a comparison decides itself; epochs are given as"):
        compare(tmp_path, Recipe(strategy="head", epochs=3))


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


def test_strategy_that_cannot_be_trained_is_left_out_and_noted(
    quick: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Trainer.train

    def failing(self: Trainer, recipe: Recipe, *more: Any) -> Any:
        if recipe.planning.strategy == "from-scratch":
            raise RegraftError("it cannot")
        return train(self, recipe, *more)

    monkeypatch.setattr(Trainer, "train", failing)
    made = quick(repeats=1)
    assert "from-scratch is left out: it cannot" in made.notes
    assert "from-scratch" not in {row.strategy for row in made.tables[0].rows}


def test_interrupted_training_is_not_kept(quick: Callable[..., Comparison], monkeypatch: pytest.MonkeyPatch) -> None:
    train = Bench.train

    def interrupted(self: Bench, part: Any, trainer: Any, entry: Any, *more: Any) -> Outcome:
        if entry.strategy == "fine-tune":
            raise KeyboardInterrupt
        return train(self, part, trainer, entry, *more)

    monkeypatch.setattr(Bench, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        quick(repeats=1)
    monkeypatch.setattr(Bench, "train", train)
    assert quick(repeats=1).trainings == 2


def test_kept_training_of_another_shape_is_none(tmp_path: Path) -> None:
    outcome = Outcome(Figures("head", "", ("a",), 0.5, None, 0, 1.0, 2), np.full((3, 2), 0.5, np.float32))
    kept.write(tmp_path, "key", outcome)
    read = kept.read(tmp_path, "key", 3, 2)
    assert read is not None
    assert read.figures == outcome.figures
    assert kept.read(tmp_path, "key", 4, 2) is None
    assert kept.read(tmp_path, "other", 3, 2) is None
