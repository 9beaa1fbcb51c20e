"""A plan's picture of the four cases, in the page's colours: for wide pages, and for narrow ones."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regraft.errors import RegraftError
from regraft.recipe.recipe import read_recipe
from regraft.runs.four_cases import draw_cases, draw_cases_narrow, network_in
from regraft.runs.ran import Ran
from regraft.runs.svg import themed

STYLE = re.compile(' style="[^"]*"')  # which the page's policy forbids


def pictures_of(plan: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Both; nothing where the plan's folder is gone."""
    try:
        ran = Ran.planned(plan, read_recipe(folder / "recipe.json"))
    except RegraftError:
        return {}
    network, early = network_in(plan), plan["early_cut"]
    drawn = {"cases": draw_cases(network, early, plan, ran), "narrow": draw_cases_narrow(network, early, plan, ran)}
    return {name: STYLE.sub("", themed(picture), count=1) for name, picture in drawn.items()}
