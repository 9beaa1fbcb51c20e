"""All that training needs, as plain data: a second ``train`` with the same recipe repeats the run.

Settings are grouped by concern. Every setting has a name of its own, so that ``Recipe(strategy="head", seed=1)`` and
``recipe.but(epochs=5)`` need not say in which group it is.
"""

import difflib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from regraft.errors import RecipeError, reason_of
from regraft.recipe.declaration import name_of
from regraft.recipe.groups import (
    EMBEDDED,
    FROZEN_STRATEGIES,
    Augmentation,
    General,
    Head,
    Network,
    Optimisation,
    Planning,
    Reading,
    Section,
    Stopping,
)
from regraft.strict_json import read_json

GROUPS: dict[str, type[Section]] = {
    "network": Network,
    "reading": Reading,
    "planning": Planning,
    "head": Head,
    "optimisation": Optimisation,
    "augmentation": Augmentation,
    "stopping": Stopping,
    "general": General,
}
PLACES = {name_of(one): (group, one.name) for group, kind in GROUPS.items() for one in fields(kind)}
FIELDS = {name_of(one): one for kind in GROUPS.values() for one in fields(kind)}
DEFAULTS = {name: one.default for name, one in FIELDS.items()}
MOST_BYTES = 1_000_000  # of a recipe's file
SHOWN = 60  # letters of a name
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, init=False)
class Recipe:
    """The settings of one run; None means that the plan or the network decides.

    Takes settings by name, ``Recipe(strategy="head", seed=1)``, and whole groups, ``Recipe(reading=Reading(...))``.
    Raises RecipeError for an unknown name, a value out of its range, and settings that contradict each other.
    """

    network: Network = field(default_factory=Network)
    reading: Reading = field(default_factory=Reading)
    planning: Planning = field(default_factory=Planning)
    head: Head = field(default_factory=Head)
    optimisation: Optimisation = field(default_factory=Optimisation)
    augmentation: Augmentation = field(default_factory=Augmentation)
    stopping: Stopping = field(default_factory=Stopping)
    general: General = field(default_factory=General)

    def __init__(self, /, **settings: Any) -> None:
        groups: dict[str, dict[str, Any]] = {name: {} for name in GROUPS}
        for name, value in settings.items():
            if is_group(name, value):
                groups[name] |= value if isinstance(value, Mapping) else vars(value)
        for name, value in settings.items():
            if is_group(name, value):
                continue
            if name not in PLACES:
                raise unknown(name, PLACES)
            group, own = PLACES[name]
            groups[group][own] = os.fspath(value) if isinstance(value, os.PathLike) else value
        for name, kind in GROUPS.items():
            own_names = [one.name for one in fields(kind)]
            for own in groups[name].keys() - set(own_names):
                raise unknown(own, own_names)
            object.__setattr__(self, name, kind(**groups[name]))
        for contradiction in self.contradictions():
            raise RecipeError(contradiction)

    @property
    def frozen(self) -> bool:
        """Whether the strategy that the recipe names leaves the pre-trained layers as they are."""
        return self.planning.strategy in FROZEN_STRATEGIES

    @property
    def seed(self) -> int:
        """Of everything random but the split."""
        return self.general.seed

    def contradictions(self) -> Iterator[str]:
        """What to say of settings that do not go together."""
        strategy, cut, cuts = self.planning.strategy, self.planning.cut, self.planning.cuts
        trains_all = strategy in {"fine-tune", "from-scratch"}
        if cut is not None and cuts:
            yield "a recipe has one cut or several cuts to join, not both; leave one of them out"
        if len(cuts) == 1 or len(set(cuts)) < len(cuts):
            yield f"cuts are {', '.join(cuts)}; name two or more different ones to join"
        if (cut is not None or cuts) and strategy == "from-scratch":
            yield "--cut goes with the pre-trained weights, not with 'from-scratch'; leave one of them out"
        if self.head.layers > 1 and self.head.solver == "discriminant":
            yield "--solver discriminant makes one linear layer; leave --head-layers out"
        if self.head.layers > 1 and self.head.joining == "averaged":
            yield "--joining averaged goes with one linear layer; leave --head-layers out"
        if self.head.views > 0 and trains_all:
            yield f"--views goes with a frozen strategy; '{strategy}' sees new views in every epoch"
        if self.network.batch_size == 1 and self.optimisation.batch_norm == "adapt":
            yield "--batch-norm adapt needs two images in a batch or more; raise --batch-size"
        if self.network.continue_from is not None:
            yield from self.against_going_on(self.network.continue_from)
        if self.optimisation.unfreeze_from is not None and strategy != "fine-tune":
            yield "--unfreeze-from goes with --strategy fine-tune; add that or leave it out"

    def against_going_on(self, run: str) -> Iterator[str]:
        """What to say of settings that do not go with going on from a run."""
        named, strategy = self.network.backbone, self.planning.strategy
        if named not in {EMBEDDED, run}:
            yield f"--continue {run} brings its own network, so --backbone {named} has no place; leave one of them out"
        if self.network.weights is not None:
            yield f"--continue {run} brings its own weights; leave --weights out"
        if strategy in {"early-layers", "from-scratch"}:
            yield f"--continue keeps what {run} kept; give --strategy head or fine-tune in place of {strategy}"
        if self.head.solver != "logistic" or self.head.joining != "concatenated":
            yield "--continue goes on with the head that is there; leave --solver and --joining out"
        if self.optimisation.head_start != "solved":
            yield "--continue starts from the run's head; leave --head-start out"

    @property
    def left_open(self) -> bool:
        """Whether neither a strategy nor a cut was asked for; the cuts of a run that it goes on from are its own."""
        planning = self.planning
        cuts = bool(planning.cut or planning.cuts) and self.network.continue_from is None
        return not (planning.strategy or cuts)

    def but(self, /, **changes: Any) -> "Recipe":
        """The same recipe with some settings changed, by their names, or whole groups replaced."""
        replaced = {name for name, value in changes.items() if is_group(name, value)}
        kept = {name: value for name, value in self.flat().items() if PLACES[name][0] not in replaced}
        return Recipe(**kept | changes)

    def flat(self) -> dict[str, Any]:
        """Every setting by its name."""
        return {name: getattr(getattr(self, group), own) for name, (group, own) in PLACES.items()}

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON, by group."""
        return asdict(self)

    def write(self, path: Path) -> None:
        """Write the recipe as JSON."""
        path.write_text(json.dumps(self.as_dict(), indent=2) + "\n")


def is_group(name: str, value: Any) -> bool:
    """Whether what is given by that name is a whole group, or plain data of one as JSON has it."""
    return name in GROUPS and isinstance(value, (GROUPS[name], Mapping))


def unknown(name: str, known: Iterable[str]) -> RecipeError:
    """The error for a setting that there is not, with the nearest one that there is."""
    name = name[:SHOWN]
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean '{near[0]}'?" if near else "docs/options.md lists them"
    return RecipeError(f"there is no setting '{name}'; {hint}")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe that ``Recipe.write`` wrote, now or in a former version; RecipeError where it is no recipe."""
    try:
        values = read_json(path, MOST_BYTES, pipe=True)
    except FileNotFoundError:
        raise RecipeError(f"there is no recipe {path}; a run folder holds one as recipe.json") from None
    except (ValueError, OSError) as error:
        raise RecipeError(f"{path} is no recipe: {reason_of(error)}; give the recipe.json of a run") from None
    if not isinstance(values, dict):
        raise RecipeError(f"{path} is no recipe but a {type(values).__name__}; give the recipe.json of a run")
    try:
        return Recipe(**values)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from None


def seconds_of(text: str) -> float:
    """A duration as people write it, 90s, 10m or 1.5h (a number alone is seconds), in seconds; else RecipeError."""
    matched = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([smh]?)", text.strip())
    if not matched:
        raise RecipeError(f"--time-limit is '{text}'; write 90s, 10m or 1.5h")
    return float(matched[1]) * SECONDS[matched[2]]
