"""Strategies side by side."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regraft.errors import RecipeError, RegraftError
from regraft.evaluation.comparison.compare import compare
from regraft.evaluation.comparison.kept import Outcome
from regraft.evaluation.comparison.result import Comparison
from regraft.evaluation.comparison.trainings import Bench
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


@pytest.mark.slow
def test_other_data_or_settings_are_other_trainings(quick: Callable[..., Comparison], tmp_path: Path) -> None:
    quick()
    (tmp_path / "data" / "class0" / "000.png").unlink()
    assert quick().trainings == 10
    shutil.rmtree(tmp_path / "compare")
    quick(repeats=1, budgets=[2])
    assert quick(repeats=1, budgets=[1]).trainings == 2  # heads know no epochs


@pytest.mark.slow
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
