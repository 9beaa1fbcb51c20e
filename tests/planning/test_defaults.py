"""What follows from the number of images where the recipe leaves it open."""

import pytest

from regraft.planning.defaults import completed, epochs_of, settings_shown
from regraft.recipe import Recipe

WHOLE = Recipe(strategy="fine-tune")


def test_small_data_takes_more_epochs_and_no_mixing() -> None:
    few, many = completed(WHOLE, 600, large=False), completed(WHOLE, 50_000, large=True)
    assert (few.optimisation.epochs or 0) > (many.optimisation.epochs or 0)
    assert (few.augmentation.mix, many.augmentation.mix) == ("none", "mixup")
    assert settings_shown(WHOLE, "fine-tune", 50_000, large=True)["mix"] == "mixup"
    assert settings_shown(WHOLE, "fine-tune", 50_000, large=False)["mix"] == "none"  # as where most of them are copies


def test_what_the_recipe_names_stays() -> None:
    named = WHOLE.but(mix="cutmix", epochs=2, patience=1, learning_rate=0.1, weight_decay=0.0, ema=0.5)
    assert completed(named, 600, large=False) == completed(named, 50_000, large=True) == named


def test_averaged_weights_reach_back_a_tenth_of_the_steps() -> None:
    decay = completed(WHOLE.but(epochs=4, batch_size=10), 1_000, large=False).optimisation.ema
    assert decay == pytest.approx(1 - 1 / 40)
    assert completed(WHOLE.but(epochs=1), 100, large=False).optimisation.ema == 0  # too few steps


def test_random_weights_take_longer() -> None:
    assert epochs_of(None, "from-scratch", 600) == 3 * epochs_of(None, "fine-tune", 600)
    assert epochs_of(7, "from-scratch", 600) == epochs_of(7, "fine-tune", 600) == 7
