"""A trained run as a torch module that trains on."""

import copy
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from regraft.errors import BackboneError, RecipeError, RunError, reason_of
from regraft.network.saved import Saved
from regraft.recipe import Recipe, read_recipe
from regraft.strict_json import Malformed, read_json

if TYPE_CHECKING:
    from torch import nn

HOW = ("auto", "adapt", "frozen")


def trainable_module(
    saved: Saved | None, folder: Path | None, batch_norm: str, unfreeze_from: str | None
) -> "nn.Module":
    """As Classifier.trainable says; ``folder``: of the run, whose recipe decides what ``auto`` is."""
    if batch_norm not in HOW:
        raise RecipeError(f"batch_norm is '{batch_norm}'; choose one of {', '.join(HOW)}")
    if saved is None:
        raise RunError("this classifier has no run folder to train on from; make one with regraft.train, and load it")
    from regraft.network.surgery import Tunable

    graft = saved.graft
    model, traced = copy.deepcopy(graft.backbone.model), graft.backbone.traced
    try:
        module = Tunable(model, traced, graft.cuts, graft.head.module(), graft.pooling)
    except Exception as error:  # tracing for training runs the network's own code
        raise BackboneError(f"{saved.folder.parent} cannot be trained as a whole: {reason_of(error)[:120]}") from None
    if batch_norm == "frozen" or (batch_norm == "auto" and kept_norms(folder, saved.strategy)):
        module.freeze_norms()
    if unfreeze_from:
        module.freeze_up_to(model, traced, traced.cut_of(unfreeze_from))
    return module.train(False)


def kept_norms(folder: Path | None, strategy: str) -> bool:
    """Whether fine-tuning by the run's own recipe leaves batch norm's running statistics as they are.

    Where a model has no recipe beside it they stay, unless it began with random weights.
    """
    from regraft.training.full import keeps_norms

    recipe, large = Recipe(strategy=strategy), False
    if folder:
        with suppress(RecipeError, Malformed, OSError, LookupError, TypeError):
            recipe = read_recipe(folder / "recipe.json")
            large = read_json(folder / "plan.json")["size"]["verdict"] == "large"
    return keeps_norms(recipe, recipe.network.batch_size, small=not large)
