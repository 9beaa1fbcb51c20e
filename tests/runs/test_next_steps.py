"""What a run proposes next."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer

import regraft
from regraft.cli.main import app
from regraft.cli.options import recipe_from
from regraft.network import hub
from regraft.planning.prepare import prepare
from regraft.recipe import Recipe
from regraft.recipe.command import command, options_of
from regraft.runs import next_steps as module
from regraft.runs.next_steps import Finished, next_steps
from regraft.training.result import Attempt
from regraft.training.strategy import train_as_planned, trainer_for


def parsed(words: list[str]) -> dict[str, object]:
    """The parameters of a command as typed; typer raises where it does not take them."""
    name, *rest = words[1:]
    whole = typer.main.get_command(app)
    found = whole.commands[name]  # type: ignore[attr-defined]
    return dict(found.make_context(name, list(rest)).params)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"strategy": "fine-tune", "epochs": 3, "learning_rate": 1e-4, "optimiser": "sgd"},
        {"time_limit": 90.0, "fast": True, "backbone": "torchvision/resnet18"},
        {"cuts": ("blocks.3", "blocks.4"), "ignore": ("a b", "c"), "range": "0,4095"},
        {"time_limit": 7200.0, "initialiser": "orthogonal_"},
    ],
)
def test_a_recipe_as_typed_is_read_as_that_recipe(settings: dict[str, object]) -> None:
    recipe = Recipe(**settings)
    typed = command("train", "my photos", recipe)
    values = parsed(shlex.split(typed))
    assert values.pop("data") == "my photos"
    assert recipe_from(values) == recipe


def test_options_of_some_groups_alone() -> None:
    recipe = Recipe(seed=3, image_size=64)
    assert list(options_of(recipe, ("network",))) == ["--image-size", "64"]


@pytest.fixture
def finished(make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Finished:
    """A run on few small images, a third of whose answers are wrong."""
    monkeypatch.setattr(module, "fetched", list)
    data, asked = make_folder(each=24), Recipe(fast=True, image_size=32)
    job = prepare(data, asked)
    trained = train_as_planned(job, trainer_for(job, data.parent / "checkpoints"))
    return Finished(str(data), "runs/data-1", asked, job, trained, np.asarray(job.split.test)[::3], 2.0)


def test_every_command_is_one_that_the_command_line_takes(finished: Finished) -> None:
    for proposed in [step for propose in module.PROPOSALS for step in propose(finished)]:
        parsed(shlex.split(proposed.command))
    steps = next_steps(finished)
    assert 1 <= len(steps) <= module.MOST
    assert all(step.gain and step.cost for step in steps)
    known = [step.points for step in steps if step.points is not None]
    assert known == sorted(known, reverse=True)


def test_time_for_fine_tuning_is_proposed_where_only_heads_were_trained(finished: Finished) -> None:
    (step,) = module.longer_training(finished)
    assert "--time-limit" in step.command
    assert "--fast" not in step.command
    tuned = replace(finished, asked=Recipe(strategy="head", image_size=32))
    assert not list(module.longer_training(tuned))
    (free,) = module.what_was_planned(tuned)
    assert "--strategy" not in free.command


def test_a_training_that_still_rose_is_to_go_on() -> None:
    assert module.still_rising([0.5, 0.6, 0.7])
    assert not module.still_rising([0.5, 0.7, 0.7])
    assert not module.still_rising([0.7])


def test_few_wrong_answers_leave_nothing_to_gain(finished: Finished) -> None:
    (step,) = next_steps(replace(finished, wrong=finished.wrong[:0]))
    assert step.command == "regraft evaluate runs/data-1 LABELLED-IMAGES"
    assert step.text.startswith(f"Nearly all of the {len(finished.job.split.test)} test images are right.")


def test_two_wrong_answers_of_few_are_not_nearly_none(finished: Finished) -> None:
    few = replace(finished, wrong=finished.wrong[:2])
    assert few.error >= module.MUCH
    assert len(next_steps(few)) > 1
    assert module.elsewhere(few).text.startswith(f"2 of the {len(few.job.split.test)} test images are wrong.")


def test_larger_images_only_where_the_images_have_the_pixels(finished: Finished) -> None:
    assert not list(module.larger_images(finished))  # they are 40 pixels a side


def test_networks_that_are_here_are_ranked(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fetched", lambda: ["resnet50.a1_in1k"])
    (step,) = module.other_backbones(finished)
    assert step.command.endswith("--backbone embedded --backbone resnet50.a1_in1k")
    assert parsed(shlex.split(step.command))["backbone"] == ["embedded", "resnet50.a1_in1k"]


def test_fetched_weights_are_found_without_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert hub.fetched() == []
    whole = tmp_path / "hub/models--timm--resnet50.a1_in1k/snapshots/x"
    whole.mkdir(parents=True)
    (whole / "model.safetensors").touch()
    (tmp_path / "hub/models--timm--half.a1/snapshots/x").mkdir(parents=True)
    (tmp_path / "torch/hub/checkpoints").mkdir(parents=True)
    (tmp_path / "torch/hub/checkpoints/resnet18-f37072fd.pth").touch()
    assert hub.fetched() == ["resnet50.a1_in1k", "torchvision/resnet18"]


def test_summary_and_record_have_them(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    run = regraft.train(make_folder(), Recipe(strategy="head", image_size=32), tmp_path / "run")
    (step,) = run.as_dict()["next_steps"]
    assert step["command"] == f"regraft evaluate {tmp_path / 'run'} LABELLED-IMAGES"


def test_advice_goes_with_a_run_that_went_on(finished: Finished, tmp_path: Path) -> None:
    onward = replace(finished, asked=Recipe(continue_from=str(tmp_path / "a run"), fast=True))
    steps = [step for propose in module.PROPOSALS for step in module.proposed(propose, onward)]
    assert steps
    assert not any("--backbone" in step.command or step.command.startswith("regraft compare") for step in steps)
    for step in steps:
        assert parsed(shlex.split(step.command))["continue_from"] == str(tmp_path / "a run")


def test_advice_that_contradicts_the_run_is_left_out(finished: Finished) -> None:
    def contradicts(run: Finished) -> Iterator[module.NextStep]:
        yield module.NextStep("", "", "", run.command(strategy="fine-tune", views=3))

    assert module.proposed(contradicts, finished) == []


def test_what_a_time_limit_leaves_is_the_cost(finished: Finished) -> None:
    limited = replace(finished, asked=Recipe(time_limit=60.0), seconds=500.0)
    assert limited.seconds_of(20) == 60.0


def test_fine_tuning_that_was_broken_off_is_measured(finished: Finished) -> None:
    tuned = Attempt("fine-tune", 0.5, seconds=100.0, epochs=2, planned_epochs=30)
    (step,) = module.longer_training(replace(finished, trained=replace(finished.trained, tried=(tuned,))))
    assert "Fine-tuning had 2 epochs." in step.text
    assert step.cost == "about 60 min"  # 30 epochs of 50 s, with room for what is around them
    through = replace(tuned, epochs=30)
    assert not list(module.longer_training(replace(finished, trained=replace(finished.trained, tried=(through,)))))
