"""The settings that a comparison decides itself, since they are what it compares."""

from regraft.errors import RecipeError
from regraft.recipe.recipe import DEFAULTS, Recipe

DECIDED = (
    "strategy", "cut", "cuts", "fast", "time_limit", "epochs", "head_layers", "solver", "joining", "views",
    "unfreeze_from",
)  # fmt: skip


def check_undecided(recipe: Recipe) -> None:
    """Raise RecipeError where a recipe says already what is to be compared."""
    values = recipe.flat()
    if said := [name for name in DECIDED if values[name] != DEFAULTS[name]]:
        more = "; epochs are given as a budget" if "epochs" in said else ""
        raise RecipeError(f"{', '.join(said)} is what a comparison decides itself{more}; leave it out")
