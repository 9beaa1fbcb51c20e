"""A plan carried out; when random weights take over from a fine-tuning."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from made_results import result

from regraft.errors import RunError
from regraft.metrics import softmax
from regraft.planning.prepare import prepare
from regraft.recipe import Recipe
from regraft.training.augmentation import centre_view
from regraft.training.result import Attempt, Trained
from regraft.training.strategy import or_from_scratch, train_as_planned, trainer_for


def trainer_that(train: Callable[..., Trained], neighbour: float) -> Any:
    """A trainer that only pretends; ``neighbour``: the nearest neighbour's accuracy in validation."""
    return SimpleNamespace(train=train, baselines_on_validation=lambda: {"nearest_neighbour": neighbour})


@pytest.mark.parametrize(
    ("neighbour", "trial", "full", "strategy", "said", "trained"),
    [
        (0.50, 0.40, 0.0, "fine-tune", "the pre-trained start was kept", ["from-scratch-trial"]),
        (0.50, 0.90, 0.95, "from-scratch", "random weights validated", ["from-scratch-trial", "from-scratch"]),
        (0.85, 0.0, 0.90, "from-scratch", "no better than the nearest neighbour", ["from-scratch"]),
        (0.85, 0.0, 0.60, "fine-tune", "no better than the nearest neighbour", ["from-scratch"]),
    ],
)
def test_case_four_falls_back_to_random_weights(
    neighbour: float, trial: float, full: float, strategy: str, said: str, trained: list[str]
) -> None:
    carried = []

    def train(recipe: Recipe, name: str, _deadline: float) -> Trained:
        carried.append(name)
        return replace(result(trial if name.endswith("trial") else full), recipe=recipe)

    tuned = replace(result(0.80), tried=(Attempt("fine-tune", kept=True),))
    found = or_from_scratch(tuned, trainer_that(train, neighbour), Recipe(), 0.0)
    assert [(one.name, one.kept) for one in found.tried] == [
        ("fine-tune", strategy == "fine-tune"), ("from-scratch", strategy != "fine-tune"),
    ]  # fmt: skip
    assert f"{found.tried[-1].accuracy:.1%}" in found.notes[-1]
    assert re.search(r"where fine-tuning had|points (better|worse) than fine-tune", found.tried[-1].why)
    assert (found.strategy, carried) == (strategy, trained)
    assert said in found.notes[-1]


def test_a_trial_of_random_weights_that_fails_keeps_the_fine_tuning() -> None:
    def train(*_: Any) -> Trained:
        raise RunError("memory ran out")

    tuned = result(0.80)
    found = or_from_scratch(tuned, trainer_that(train, 0.5), Recipe(), 0.0)
    assert found.graft is tuned.graft
    assert "memory ran out" in found.notes[-1]


@pytest.mark.parametrize(
    ("case", "asked", "trained"),
    [
        ("large-different", None, ["fine-tune", "from-scratch-trial"]),
        ("large-different", "fine-tune", ["fine-tune"]),
        ("large-similar", None, ["fine-tune"]),
    ],
)
def test_random_weights_are_tried_where_the_plan_left_it_open(case: str, asked: str | None, trained: list[str]) -> None:
    carried = []

    def train(recipe: Recipe, name: str, _deadline: float) -> Trained:
        carried.append(name)
        return replace(result(0.4 if name.endswith("trial") else 0.8), recipe=recipe.but(epochs=4))

    recipe = Recipe(strategy=asked)
    job: Any = SimpleNamespace(
        recipe=recipe, plan=SimpleNamespace(case=case), planned_recipe=lambda: recipe.but(strategy="fine-tune")
    )
    found = train_as_planned(job, trainer_that(train, 0.5))
    assert (found.strategy, carried) == ("fine-tune", trained)


@pytest.mark.parametrize("strategy", ["head", "fine-tune"])
def test_probabilities_are_those_of_the_network_that_is_saved(
    strategy: str, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    job = prepare(make_folder(classes=2, each=10), Recipe(strategy=strategy, epochs=1, image_size=32))
    trainer = trainer_for(job, tmp_path)
    trained = train_as_planned(job, trainer)
    rows = job.split.test
    samples = trainer.examples.samples.batch(rows.tolist(), centre_view(32))
    with torch.no_grad():
        expected = softmax(trained.graft.module(samples).numpy())
    np.testing.assert_allclose(trainer.probabilities_of(trained, rows), expected, atol=5e-3)


def test_what_was_asked_for_stands_beside_the_head_of_the_rule(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    job = prepare(make_folder(classes=2, each=10), Recipe(image_size=32))
    ruled = job.plan.strategy  # frozen, since the images are few
    other = "early-layers" if ruled == "head" else "head"
    found = {}
    for strategy in (ruled, other):
        own = prepare(job.images, Recipe(strategy=strategy, image_size=32))
        found[strategy] = train_as_planned(own, trainer_for(own, tmp_path / strategy))
    assert found[ruled].rule is None
    beside = found[other].rule
    assert beside is not None
    assert beside.strategy == ruled
    assert beside.graft.cuts == found[ruled].graft.cuts
