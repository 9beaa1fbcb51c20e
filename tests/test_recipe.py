"""The settings: declared once, checked, told apart by name, read back as they were written."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer.main

from regraft.cli.main import app
from regraft.errors import RecipeError
from regraft.recipe import Reading, Recipe, read_recipe, seconds_of
from regraft.recipe.declaration import flag_of
from regraft.recipe.groups import Augmentation, Head, Planning
from regraft.recipe.recipe import DEFAULTS, GROUPS, PLACES

UNUSUAL: dict[str, Any] = {
    "backbone": "resnet18", "batch_size": 7, "group_by": "patient", "strategy": "head", "cuts": ("a", "b"),
    "head_layers": 2, "views": 3, "optimiser": "sgd", "weight_decay": 0.1, "augmentation": "light", "flip": "no",
    "monitor": "val_loss", "time_limit": 90.0, "seed": 5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "nearest"), [("batchsize", "batch_size"), ("stratgy", "strategy"), ("learning-rate", "learning_rate")]
)
def test_an_unknown_setting_is_refused_with_the_nearest_one(name: str, nearest: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=f"no setting '{name}'; did you mean '{nearest}'"):
        Recipe(**{name: 1})
    with pytest.raises(RecipeError, match=f"did you mean '{nearest}'"):
        Recipe().but(**{name: 1})
    (tmp_path / "recipe.json").write_text(json.dumps({name: 1}))
    with pytest.raises(RecipeError, match=f"recipe.json: .*did you mean '{nearest}'"):
        read_recipe(tmp_path / "recipe.json")


def test_unknown_settings_of_a_group_are_refused() -> None:
    with pytest.raises(RecipeError, match="no setting 'layer'; did you mean 'layers'"):
        Recipe(head={"layer": 2})
    with pytest.raises(RecipeError, match=r"no setting 'zzz'; docs/options\.md"):
        Recipe(zzz=1)
    with pytest.raises(RecipeError, match="no setting 'network'"):
        Recipe(network="resnet18")
    with pytest.raises(RecipeError, match="no setting 'head'"):
        Recipe().but(head=2)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"image_size": 15}, "--image-size is 15; it must be between 16 and 8192"),
        ({"similar_from": 1.5}, "--similar-from is 1.5; it must be between 0 and 1"),
        ({"seed": -1}, "--seed is -1"),
        ({"strategy": "heads"}, "--strategy is 'heads'; choose one of head, early-layers"),
        ({"head_layers": 3}, "--head-layers is '3'; choose one of 1, 2"),
        ({"initialiser": "zeros_"}, "--init is 'zeros_'; choose one of xavier_uniform_"),
        ({"augmentation": "much"}, "--augmentation is 'much'; choose one of none"),
        ({"epochs": 1.5}, "--epochs is 1.5; it must be of kind int"),
        ({"backbone": None}, "--backbone is None; it must be of kind str"),
        ({"seed": True}, "--seed is True; it must be of kind int"),
        ({"learning_rate": "fast"}, "--learning-rate is 'fast'; it must be of kind float"),
        ({"cuts": "ab"}, "--cuts is 'ab'; it must be of kind tuple"),
        ({"checkpoint_name": "last"}, "--checkpoint-name 'last' makes no file name"),
        ({"learning_rate": float("nan")}, "--learning-rate is nan"),
    ],
)
def test_values_that_a_setting_cannot_have_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError) as refused:
        Recipe(**settings)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    "settings",
    [
        {"cut": "a", "cuts": ("a", "b")},
        {"cuts": ("a",)},
        {"cuts": ("a", "a")},
        {"cuts": ("a", "b"), "strategy": "from-scratch"},
        {"solver": "discriminant", "head_layers": 2},
        {"joining": "averaged", "head_layers": 2},
        {"views": 1, "strategy": "fine-tune"},
        {"cut": "a", "strategy": "from-scratch"},
        {"batch_size": 1, "batch_norm": "adapt"},
        {"unfreeze_from": "a"},
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        Recipe(**settings)


def test_every_setting_has_a_name_of_its_own() -> None:
    assert sum(len(kind.__dataclass_fields__) for kind in GROUPS.values()) == len(PLACES) == len(DEFAULTS)
    assert Recipe().flat() == DEFAULTS


def test_a_value_lies_in_its_group() -> None:
    recipe = Recipe(**UNUSUAL)
    assert (recipe.network.backbone, recipe.network.batch_size, recipe.reading.group_by) == ("resnet18", 7, "patient")
    assert (recipe.planning.strategy, recipe.planning.cuts, recipe.head.layers) == ("head", ("a", "b"), 2)
    assert (recipe.optimisation.optimiser, recipe.augmentation.preset, recipe.stopping.monitor) == (
        "sgd",
        "light",
        "val_loss",
    )
    assert (recipe.seed, recipe.frozen, recipe.stopping.sign) == (5, True, -1)
    assert recipe.flat() == DEFAULTS | UNUSUAL


def test_groups_are_passed_whole() -> None:
    reading, planning, augmentation = Reading(group_by="video"), Planning(strategy="head"), Augmentation(flip="no")
    recipe = Recipe(reading=reading, planning=planning, augmentation=augmentation, seed=3)
    assert (recipe.reading, recipe.planning, recipe.augmentation, recipe.seed) == (reading, planning, augmentation, 3)
    assert recipe == Recipe(group_by="video", strategy="head", flip="no", seed=3)
    assert Recipe(head=Head(layers=2), hidden=8).head == Head(layers=2, hidden=8)
    assert recipe.but(reading=Reading()) == Recipe(strategy="head", flip="no", seed=3)


def test_a_change_leaves_all_other_settings_as_they_were() -> None:
    recipe = Recipe(**UNUSUAL)
    changes: dict[str, Any] = {"augmentation": "strong", "views": 0, "epochs": 4, "cuts": (), "weights": "w.pth"}
    for name, value in changes.items():
        assert recipe.but(**{name: value}).flat() == DEFAULTS | UNUSUAL | {name: value}
    assert recipe.but(**changes).flat() == DEFAULTS | UNUSUAL | changes
    assert recipe.but() == recipe


def test_flat_and_nested_json_are_the_same_recipe(tmp_path: Path) -> None:
    recipe = Recipe(**UNUSUAL)
    flat, nested, part = (tmp_path / name for name in ("flat.json", "nested.json", "part.json"))
    flat.write_text(json.dumps(recipe.flat()))
    recipe.write(nested)
    part.write_text(json.dumps(UNUSUAL))
    assert set(json.loads(nested.read_text())) == set(GROUPS)
    assert read_recipe(flat) == read_recipe(nested) == read_recipe(part) == recipe


@pytest.mark.parametrize("text", ["[1]", "no JSON", "3"])
def test_what_is_no_recipe_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    with pytest.raises(RecipeError, match="there is no recipe"):
        read_recipe(path)
    path.write_text(text)
    with pytest.raises(RecipeError, match="is no recipe"):
        read_recipe(path)


def test_every_setting_is_an_option_of_train() -> None:
    train = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    options = {option: parameter.name for parameter in train.params for option in parameter.opts}
    for name, (group, own) in PLACES.items():
        flag = flag_of(GROUPS[group].__dataclass_fields__[own])
        assert options.get(flag) == (None if name == "cuts" else name), name


def test_durations() -> None:
    assert [seconds_of(text) for text in ("90s", "10m", "1.5h", "7")] == [90, 600, 5400, 7]
    for text in ("", "5x", "m", "-1s"):
        with pytest.raises(RecipeError, match=r"write 90s, 10m or 1\.5h"):
            seconds_of(text)
