"""What a recipe leaves open when every layer is trained, filled in by the number of images.

In the manner of BiT's HyperRule (Kolesnikov et al., 2020): the images to be seen, and so the epochs, follow from
the size of the data, and large data is trained with mixup; everything else has one value that does well in many places.
"""

import math
from typing import Any

from regraft.recipe import FROZEN_STRATEGIES, Recipe

TRAIN_BATCH = 32
IMAGES_TO_SEE = 20_000  # fine-tuning sees so many, in FEWEST_EPOCHS to MOST_EPOCHS epochs
FEWEST_EPOCHS, MOST_EPOCHS = 10, 30
SCRATCH_FACTOR = 3  # random weights take so many times the epochs
WEIGHT_DECAY = 0.05
AVERAGED = 0.1  # of all steps, that averaged weights reach back
RATES = {  # of the optimisers, at the schedule's peak
    "sgd": 1e-2, "rmsprop": 1e-4, "adagrad": 5e-3, "adadelta": 1.0, "adam": 5e-4, "adamax": 1e-3, "nadam": 5e-4,
    "adamw": 5e-4,
}  # fmt: skip
MOST_AVERAGING = 0.9999
OF_HEADS = ("head_layers", "pooling", "views", "class_weights")
OF_TRAINING = (
    "optimiser", "learning_rate", "layer_decay", "schedule", "epochs", "patience", "weight_decay", "ema",
    "augmentation", "label_smoothing", "mix", "head_start", "batch_norm",
)  # fmt: skip


def completed(recipe: Recipe, images: int, large: bool) -> Recipe:
    """The recipe, which names its strategy, with what it leaves open filled in for so many training images.

    ``large``: whether the plan counts them as large.
    """
    if recipe.frozen:
        return recipe
    own, mix = recipe.optimisation, recipe.augmentation.mix
    epochs = epochs_of(own.epochs, recipe.planning.strategy, images)
    return recipe.but(
        epochs=epochs,
        learning_rate=RATES[own.optimiser] if own.learning_rate is None else own.learning_rate,
        weight_decay=WEIGHT_DECAY if own.weight_decay is None else own.weight_decay,
        ema=averaging(epochs * max(1, images // batch_of(recipe, images))) if own.ema is None else own.ema,
        patience=recipe.stopping.patience or max(3, epochs // 2),
        mix=("mixup" if large else "none") if mix == "auto" else mix,
    )


def averaging(steps: int) -> float:
    """The decay with which averaged weights reach back over AVERAGED of ``steps``."""
    return min(max(0.0, 1 - 1 / (AVERAGED * steps)), MOST_AVERAGING)


def epochs_of(epochs: int | None, strategy: str | None, images: int) -> int:
    """How often a strategy that trains every layer goes through so many images, where ``epochs`` leaves it open."""
    factor = SCRATCH_FACTOR if strategy == "from-scratch" else 1
    return epochs or factor * min(max(math.ceil(IMAGES_TO_SEE / images), FEWEST_EPOCHS), MOST_EPOCHS)


def batch_of(recipe: Recipe, images: int) -> int:
    """Images in a training batch."""
    return min(recipe.network.batch_size or TRAIN_BATCH, images)


def settings_shown(recipe: Recipe, strategy: str, images: int, large: bool) -> dict[str, Any]:
    """The settings that matter to a strategy, completed, for people to read."""
    alone = recipe.but(strategy=strategy, cut=None, cuts=(), views=recipe.head.views * (strategy in FROZEN_STRATEGIES))
    settings = completed(alone, images, large).flat()
    if alone.frozen:
        decay = "chosen by validation" if settings["weight_decay"] is None else settings["weight_decay"]
        return {"weight_decay": decay, **{name: settings[name] for name in OF_HEADS}}
    return {"batch_size": batch_of(alone, images), **{name: settings[name] for name in OF_TRAINING}}
