"""What the command line calls something, Python calls so too."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main
from conftest import picture

import regraft
from regraft import RecipeError
from regraft.cli.main import app
from regraft.recipe.recipe import DEFAULTS

CALLS: dict[str, Callable[..., Any]] = {
    "scan": regraft.scan,
    "plan": regraft.plan,
    "train": regraft.train,
    "compare": regraft.compare,
    "transferability": regraft.transferability,
    "evaluate": regraft.Classifier.evaluate,
    "predict": regraft.Classifier.predict,
    "look": regraft.look,
    "reference": regraft.reference,
    "card": regraft.card,
    "export": regraft.export,
    "features": regraft.compute_features,
    "suggest": regraft.suggest,
    "tune": regraft.tune,
}
OF_THE_TERMINAL = {"as_json", "quiet", "verbose", "form"}  # form: how progress is shown
ELSEWHERE = {  # what stands elsewhere in Python, or under a name that Python allows
    "train": {"look", "devices", "nodes"},  # regraft.look(run.folder); processes are the command's
    "suggest": {"csv", "link_into", "overwrite"},  # what it gives can write these
    "features": {"out", "overwrite"},  # features_of gives arrays
    "compare": {"choices", "budget", "on"},  # settings, budgets; data of compare_runs
    "evaluate": {"run"},  # load
    # load; images; what is written is the caller's; predictions have the neighbours, decisions are of the file
    "predict": {
        "run",
        "paths",
        "out",
        "overwrite",
        "resume",
        "neighbours",
        "abstain_below",
        "at_recall",
        "at_precision",
        "sort_into",
        "copy",
    },
    "look": {"video", "out", "overwrite"},  # inspection.video; Look.write
    "reference": {"overwrite"},
    "card": {"out", "overwrite"},  # it gives text
}


@pytest.mark.parametrize("name", CALLS)
def test_every_option_has_its_name_in_python(name: str) -> None:
    parameters = inspect.signature(CALLS[name]).parameters
    options = {option.name for option in typer.main.get_command(app).commands[name].params}  # type: ignore[attr-defined]
    settings = options & DEFAULTS.keys()
    assert options - settings - OF_THE_TERMINAL - parameters.keys() == ELSEWHERE.get(name, set())
    takes_settings = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    assert takes_settings or "reading" in parameters or settings <= parameters.keys()


def test_settings_go_by_their_names(tmp_path: Path) -> None:
    for kind in range(2):
        (tmp_path / "photos" / f"class{kind}").mkdir(parents=True)
        for i in range(10):
            picture(kind, i).save(tmp_path / "photos" / f"class{kind}" / f"{i}.png")
    data, recipe = tmp_path / "photos", regraft.Recipe(image_size=32)
    named = regraft.train(data, image_size=32, strategy="early-layers", cut="blocks.1", out=tmp_path / "named")
    assert (named.strategy, named.cuts) == ("early-layers", ("blocks.1",))
    same = regraft.train(data, recipe.but(strategy="early-layers", cut="blocks.1"), tmp_path / "same")
    assert same.metrics.as_dict() == named.metrics.as_dict()
    assert regraft.plan(data, recipe, strategy="fine-tune").strategy == "fine-tune"
    assert regraft.features_of(data, recipe, cut="blocks.1", seed=3).cuts == ("blocks.1",)
    assert regraft.rank(data, ["demonstration"], image_size=32).backbones[0].image_size == 32
    for call in (regraft.train, regraft.plan, regraft.compare, regraft.transferability, regraft.features_of):
        with pytest.raises(RecipeError, match="did you mean 'epochs'"):
            call(data, epoch=3)
