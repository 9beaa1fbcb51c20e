"""Searches that are refused before anything runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tuned import OPTIONS

import regraft as package
from regraft.errors import RecipeError, RunError
from regraft.evaluation.tuning.result import Tuned

Regraft = Callable[..., tuple[int, str, str]]
Make = Callable[..., Path]

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown setting": ({"space": {"learning_rat": [1]}}, "did you mean 'learning_rate'"),
    "a setting that is not searched": ({"space": {"seed": [1, 2]}}, "no setting that can be searched"),
    "an empty list": ({"space": {"epochs": []}}, "has no values"),
    "an empty range": ({"space": {"learning_rate": {"low": 1e-2, "high": 1e-5}}}, "is empty"),
    "a range without an end": ({"space": {"learning_rate": {"low": 1e-2}}}, "lacks low or high"),
    "a range by logarithms from 0": ({"space": {"clip": {"low": 0, "high": 1, "log": True}}}, "needs low above 0"),
    "a range of words": ({"space": {"mix": {"low": "none", "high": "mixup"}}}, "takes no range"),
    "a value out of its range": ({"space": {"label_smoothing": [0.1, 1.5]}}, "between 0 and 1"),
    "a value of another kind": ({"space": {"epochs": [1.5]}}, "of kind int"),
    "a value alone": ({"space": {"epochs": 3}}, "write a list"),
    "a cut that there is not": ({"space": {"unfreeze_from": ["nowhere"]}}, "nowhere"),
    "layer decay without fine-tuning": ({"space": {"layer_decay": [0.9]}, "strategy": "head"}, "goes with fine-tuning"),
    "heads with fine-tuning": ({"space": {"views": [2]}, "strategy": "fine-tune"}, "views"),
    "random weights with layer decay": (
        {"space": {"layer_decay": [0.9]}, "strategy": "from-scratch"}, "goes with fine-tuning",
    ),
    "two layers of a discriminant": (
        {"space": {"head_layers": [2]}, "solver": "discriminant"}, "one linear layer",
    ),
    "a grid without an end": (
        {"space": {"learning_rate": {"low": 1e-5, "high": 1e-2}}, "sampler": "grid"}, "points = 5",
    ),
    "a grid of nothing": ({"space": None, "sampler": "grid"}, "needs --space"),
    "backbones in the space": ({"space": {"backbone": ["a", "b"]}}, "with --backbone"),
    "no number": ({"space": {"learning_rate": [float("nan")]}}, "--learning-rate is nan"),
    "true for a number": ({"space": {"epochs": [True]}}, "of kind int"),
    "no sampler": ({"sampler": "best"}, "choose one of tpe, random, grid"),
    "no trials": ({"trials": 0}, "--trials is 0"),
    "no latency": ({"max_latency": "fast"}, "write it as 20ms"),
    "no size": ({"max_size": "10"}, "write it as 10MB"),
    "a backbone twice": ({"backbones": ["demonstration", "demonstration"]}, "named twice"),
    "nothing to resume": ({"resume": True}, "no search to go on with"),
    "a file that is no space": ({"space": "nowhere.toml"}, "nowhere.toml cannot be read: No such file"),
    "a space without a setting": ({"space": {"space": {}}}, "names no settings"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_before_anything_runs(
    what: str, quick: Callable[..., Tuned], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any, **__: Any) -> None:
        raise AssertionError("an image was looked at")

    monkeypatch.setattr("regraft.planning.prepare.look_at_all", nothing)
    more, words = REFUSED[what]
    with pytest.raises(package.RegraftError, match=words) as error:
        quick(**more)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["data"], "nothing is left behind"


def test_refused_on_the_command_line(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    for text, words in {
        "[space]\nlearning_rte = [1e-3]": "did you mean 'learning_rate'",
        "[space": "is no space",
        "[other]\nepochs = [1]": "[space]",
        "[space]\nepochs = [0]": "--epochs is 0",
    }.items():
        space.write_text(text)
        code, out, err = regraft("tune", make_folder(text[:9].strip("[]\n")), *OPTIONS, "--space", space)
        assert code == 2
        assert out == ""
        assert len(err.strip().splitlines()) == 1
        assert words in err


def test_a_journal_of_other_images_or_another_recipe_is_refused(
    quick: Callable[..., Tuned], tmp_path: Path, make_folder: Make
) -> None:
    quick(trials=1, space={"epochs": [1]})
    with pytest.raises(RunError, match=r"another recipe \(seed 0 there, 5 here\)"):
        quick(trials=1, space={"epochs": [1]}, resume=True, seed=5)
    with pytest.raises(RunError, match="another sampler"):
        quick(trials=1, space={"epochs": [1]}, resume=True, sampler="random")
    with pytest.raises(RunError, match="another space"):
        quick(trials=1, space={"epochs": [2]}, resume=True)
    (tmp_path / "data" / "class0" / "000.png").unlink()
    with pytest.raises(RunError, match="other images"):
        quick(trials=1, space={"epochs": [1]}, resume=True)
    with pytest.raises(RunError, match="exists already"):
        quick(trials=1, space={"epochs": [1]})


def test_without_optuna_it_says_what_to_install(quick: Callable[..., Tuned], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"pip install 'regraft\[tune\]'"):
        quick()
