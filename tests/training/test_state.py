"""What a checkpoint may hold, and whose random numbers a training draws."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import tiny_task

import regraft
from regraft.errors import RunError
from regraft.network.load import embedded
from regraft.training import checkpoint
from regraft.training.loop import run
from regraft.training.state import OUT_OF_TIME, State, state_from

KEPT: dict[str, Any] = {
    "epoch": 2, "step": 3, "total_loss": 1.5, "right": 7, "best_epoch": 1, "best_value": 0.5, "best_loss": 0.75,
    "hits": [[True, False]], "share_of_end": 0.5, "parts": 2,
    "seconds": 4.0, "stopped": "", "interrupted": False,
    "history": [{"epoch": 0.0}],
}  # fmt: skip
WRONG: dict[str, Any] = {
    "epoch": "2", "step": 1.5, "total_loss": None, "right": "7", "best_epoch": None, "best_value": "much",
    "best_loss": [], "hits": "TF", "share_of_end": None, "parts": 2.0,
    "seconds": "4", "stopped": 0, "interrupted": "no", "history": {},
}  # fmt: skip


def test_a_state_comes_back_as_it_was_kept() -> None:
    assert asdict(state_from(KEPT)) == KEPT
    assert state_from(asdict(State())) == State()
    assert state_from(KEPT | {"stopped": OUT_OF_TIME}).stopped == ""  # a later call has time of its own
    assert state_from(KEPT | {"stopped": "interrupted"}).stopped == "interrupted"


@pytest.mark.parametrize("name", KEPT)
def test_a_field_that_is_missing_or_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(RunError, match="other fields"):
        state_from({other: value for other, value in KEPT.items() if other != name})
    with pytest.raises(RunError, match=f"has {name} "):
        state_from(KEPT | {name: WRONG[name]})


@pytest.mark.parametrize("values", [KEPT | {"patience": 3}, {}, [], None])
def test_what_has_other_fields_is_refused(values: Any) -> None:
    with pytest.raises(RunError, match="other fields"):
        state_from(values)


@pytest.mark.parametrize("damage", [{"epoch": "two"}, {"unknown": 1}])
def test_a_training_does_not_go_on_from_a_damaged_state(damage: dict[str, Any], tmp_path: Path) -> None:
    run(tiny_task(tmp_path), resume=False)
    content = torch.load(tmp_path / checkpoint.LAST, weights_only=True)
    checkpoint.write(tmp_path, checkpoint.LAST, content | {"state": content["state"] | damage})
    with pytest.raises(RunError, match="--overwrite"):
        run(tiny_task(tmp_path), resume=True)


def of(content: dict[str, Any], *path: Any) -> Any:
    for key in path:
        content = content[key]
    return content


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content.pop("best"),
        lambda content: content.pop("optimiser"),
        lambda content: content.update(model=[]),
        lambda content: content["model"].pop("head.bias"),
        lambda content: content["best"].update({"head.bias": torch.zeros(4)}),
        lambda content: content["best"].update({"head.bias": 3}),
        lambda content: content["best"].update({"head.bias": torch.zeros(3, dtype=torch.float64)}),
        lambda content: content.update(average={"head.bias": torch.zeros(3)}),
        lambda content: content.update(average=3),
        lambda content: content["optimiser"].update(param_groups=[]),
        lambda content: of(content, "optimiser", "param_groups", 0).update(params=[99]),
        lambda content: of(content, "optimiser", "param_groups", 0).update(lr="fast"),
        lambda content: of(content, "optimiser", "param_groups", 0).update(weight_decay=7.0),
        lambda content: of(content, "optimiser", "state").update({99: {}}),
        lambda content: of(content, "optimiser", "state", 0).update(exp_avg=torch.zeros(99)),
        lambda content: content["state"].update(history=[[1]]),
        lambda content: content["state"].update(history=[{"epoch": "two"}]),
        lambda content: content["state"].update(hits=[["T"]]),
        lambda content: content["state"].update(epoch=-1),
        lambda content: content["state"].update(parts=0),
        lambda content: content.pop("state"),
    ],
)
def test_a_checkpoint_of_another_shape_is_refused(damage: Callable[[dict[str, Any]], Any], tmp_path: Path) -> None:
    run(tiny_task(tmp_path), resume=False)
    content = torch.load(tmp_path / checkpoint.LAST, weights_only=True)
    damage(content)
    checkpoint.write(tmp_path, checkpoint.LAST, content)
    with pytest.raises(RunError, match="--overwrite"):
        run(tiny_task(tmp_path), resume=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    [
        regraft.Recipe(strategy="fine-tune", epochs=1, image_size=32),
        regraft.Recipe(strategy="from-scratch", epochs=1, image_size=32, backbone="demonstration"),
        regraft.Recipe(strategy="head", views=2, head_layers=2, image_size=32, seed=7),  # not seen by another test
    ],
    ids=lambda recipe: recipe.planning.strategy,
)
def test_the_callers_random_numbers_are_left_alone(
    recipe: regraft.Recipe, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    data = make_folder(classes=2, each=10)
    embedded.cache_clear()  # so that it is made anew
    torch.manual_seed(123)
    before = torch.get_rng_state()
    made = regraft.train(data, recipe, tmp_path / "run")
    assert made.images_through_backbone >= 16 * recipe.head.views
    regraft.load(made.folder)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_training_does_not_depend_on_the_callers_random_numbers(tmp_path: Path) -> None:
    trained = []
    for seed in (1, 2):
        task = tiny_task(tmp_path / str(seed))
        torch.manual_seed(seed)
        run(task, resume=False)
        trained.append(task.model.state_dict())
    assert all(torch.equal(value, trained[1][name]) for name, value in trained[0].items())
