"""The settings of a run, declared once, as plain data."""

from regraft.recipe.groups import DEMONSTRATION, EMBEDDED, FROZEN_STRATEGIES, MAX_PIXELS, STRATEGIES, Reading
from regraft.recipe.recipe import Recipe, read_recipe, seconds_of

__all__ = [
    "DEMONSTRATION",
    "EMBEDDED",
    "FROZEN_STRATEGIES",
    "MAX_PIXELS",
    "STRATEGIES",
    "Reading",
    "Recipe",
    "read_recipe",
    "seconds_of",
]
