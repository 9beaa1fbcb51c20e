"""The frozen pass by itself, in parts where many machines share it; ``plan`` and ``train`` find what it leaves."""

from typing import Any

from regraft.data.find import Data
from regraft.errors import RecipeError
from regraft.planning.pass_over import Computed, computed, found_for_pass, part_from
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Recipe

HERE, RAY = "here", "ray"
ENGINES = (HERE, RAY)


def compute_features(
    data: Data,
    recipe: Recipe = Recipe(),
    part: str | None = None,
    progress: ShowProgress = True,
    engine: str = HERE,
    **settings: Any,
) -> Computed:
    """Put images through the frozen network and keep the features in the cache, where ``plan`` and ``train`` find them.

    ``part``: "3/64" for the third of sixty-four parts; None for all. Processes and machines that share the cache's
    folder (REGRAFT_CACHE) can each compute a part. What is there already is not computed again. ``engine``: "ray"
    spreads all parts over a Ray cluster. Raises DataError and BackboneError as ``plan`` does, and RecipeError for what
    is no part, or where machines could take other image sizes.
    """
    wanted = part_from(part) if part else None
    recipe = recipe.but(**settings) if settings else recipe
    if engine not in ENGINES:
        raise RecipeError(f"there is no engine '{engine[:40]}'; there are {', '.join(ENGINES)}")
    if wanted and engine == RAY:
        raise RecipeError("--engine ray computes all parts by itself; leave --part out")
    with shown(progress) as shows:
        if engine == RAY:
            from regraft.planning.on_ray import compute_on_ray

            return compute_on_ray(data, recipe, shows)
        return computed(found_for_pass(data, recipe, shows, parted=wanted is not None), wanted, shows)
