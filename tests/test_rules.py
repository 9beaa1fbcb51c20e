"""What follows from the number of images where the recipe leaves it open."""

from regraft.recipe import Recipe
from regraft.rules import completed, settings_shown

WHOLE = Recipe(strategy="fine-tune")


def test_small_data_takes_more_epochs_and_no_mixing() -> None:
    few, many = completed(WHOLE, 600), completed(WHOLE, 50_000)
    assert (few.epochs or 0) > (many.epochs or 0)
    assert (few.mix, many.mix) == ("none", "mixup")
    assert completed(WHOLE.but(large_from=500), 600).mix == "mixup"
    assert settings_shown(WHOLE, 50_000)["mix"] == "mixup"
    assert completed(WHOLE, 50_000, distinct=600).mix == "none"  # copies do not make data large


def test_what_the_recipe_names_stays() -> None:
    named = WHOLE.but(mix="cutmix", epochs=2, patience=1, learning_rate=0.1, weight_decay=0.0)
    assert completed(named, 600) == completed(named, 50_000) == named


def test_random_weights_take_longer() -> None:
    assert completed(WHOLE.but(strategy="from-scratch"), 600).epochs == 3 * (completed(WHOLE, 600).epochs or 0)
