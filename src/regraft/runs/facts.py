"""What a run folder says of its run: read for the model card, whichever version wrote it."""

import csv
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from regraft.data.images import KEPT, LEFT_OUT, SPLITS
from regraft.data.rendering import from_dict as rendering_from
from regraft.errors import RegraftError, RunError, reason_of
from regraft.metrics import ClassMetrics
from regraft.network.config import Config, read_config
from regraft.network.origin import ENVIRONMENT, Origin
from regraft.recipe import Recipe, read_recipe
from regraft.runs.overlap import Overlap
from regraft.runs.remarks import Remark
from regraft.runs.run import Ruled, Validated
from regraft.runs.seen import DATA, MOST_BYTES
from regraft.strict_json import Malformed, build, read_json
from regraft.training.result import Attempt

Kind = TypeVar("Kind")


SAID = ("largest_class", "chance")  # figures of metrics.json that the baselines say already


@dataclass(frozen=True)
class Figures:
    """What metrics.json says, as far as it is known here."""

    split: str
    images: int
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    intervals: dict[str, tuple[float, float]]
    per_class: tuple[ClassMetrics, ...]
    interval_level: float = 0.95
    remarks: tuple[Remark, ...] = ()
    baselines: Mapping[str, float] | None = None
    near_duplicates: Overlap | None = None
    shared_groups: Overlap | None = None
    validation: Validated | None = None
    rule: Ruled | None = None
    interrupted: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Images:
    """What data.json says."""

    name: str  # of the folder or file that they came from
    counts: Mapping[str, Mapping[str, int]]  # images by part and class
    given: tuple[str, ...]  # the parts that the data came with
    groups: int  # how many different ones there are
    rendering: tuple[str, ...]  # what is out of the ordinary in how they are shown
    faults: Mapping[tuple[str, str], int]  # images by what was done about them, and why

    @property
    def total(self) -> int:
        """How many images were used."""
        return sum(sum(part.values()) for part in self.counts.values())

    @property
    def left_out(self) -> int:
        """How many files could not be used."""
        return sum(count for (action, _), count in self.faults.items() if action == LEFT_OUT)


@dataclass(frozen=True)
class Planned:
    """What plan.json says."""

    case: str
    strategy: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class MadeWith:
    """What environment.json says."""

    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    frozen_pass: str | None = None
    trained: int | None = None  # parameters
    frozen: int | None = None
    origin: Origin | None = None  # of the weights


@dataclass(frozen=True)
class Facts:
    """A run, from its folder alone; None for what that does not say."""

    classes: tuple[str, ...]
    config: Config
    figures: Figures
    further: Mapping[str, Any]  # figures that have no place above
    images: Images | None
    plan: Planned | None
    recipe: Recipe | None
    made_with: MadeWith | None
    epochs: int | None  # that were trained
    tried: tuple[Attempt, ...]


def facts_of(run: Path) -> Facts:
    """Read a run folder; RunError where there is none, or a file of it is damaged."""
    if not run.is_dir():
        raise RunError(f"there is no run folder {run}; give one that `regraft train` made")
    try:
        classes, config = read_config(run / "model" / "config.json")
        metrics = object_in(run / "metrics.json")
        return Facts(
            classes=classes,
            config=config,
            figures=figures_in(metrics),
            further={name: value for name, value in metrics.items() if name not in {*KNOWN, *SAID}},
            images=images_in(there(run / DATA, MOST_BYTES, Placed.of)),
            plan=fitting(Planned, there(run / "plan.json")),
            recipe=read_recipe(run / "recipe.json") if (run / "recipe.json").exists() else None,
            made_with=made_with(there(run / ENVIRONMENT)),
            epochs=last_epoch(run / "history.csv"),
            tried=tuple(build(Attempt, one, "tried") for one in there(run / "tried.json") or ()),
        )
    except FileNotFoundError as error:
        raise RunError(f"{run} holds no finished run: {error.filename} is missing; train one first") from None
    except RegraftError as error:
        raise RunError(f"the run in {run} is damaged or from another version: {error}") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:  # other shapes
        why = reason_of(error)[:160]
        raise RunError(f"the run in {run} is damaged or from another version: {why}; train it again") from None


def object_in(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """The fields that a file of JSON has."""
    values = read_json(path, most)
    if not isinstance(values, dict):
        raise Malformed(f"{path.name} is no object with fields")
    return values


def there(path: Path, most: int = MOST_BYTES, kept: Callable[[Any], Any] | None = None) -> Any:
    """What a file of JSON says; None where there is none. ``kept``: of each object, as read_json has it."""
    return read_json(path, most, kept=kept) if path.exists() else None


class Placed(NamedTuple):
    """What is kept of an image in data.json, once for all that share it: there may be a million."""

    split: str
    label: str
    group: str | None

    @classmethod
    def of(cls, values: dict[str, Any]) -> Any:
        """The same of what stands for an image; any other object as it is."""
        if {"path", "split", "class"} <= values.keys():
            return placed(str(values["split"]), str(values["class"]), values.get("group"))
        return values


@lru_cache
def placed(split: str, label: str, group: str | None) -> Placed:
    """The one that others with the same share."""
    return Placed(split, label, group)


def fitting(kind: type[Kind], value: Any) -> Kind | None:
    """A dataclass from those of an object's fields that it has; None for null."""
    if value is None:
        return None
    if not isinstance(value, dict) or not is_dataclass(kind):
        raise Malformed(f"{kind.__name__.lower()} is no object with fields")
    return build(kind, {one.name: value[one.name] for one in fields(kind) if one.name in value}, kind.__name__.lower())


def figures_in(metrics: dict[str, Any]) -> Figures:
    """The figures; a class is called ``class`` in the file."""
    rows = metrics.get("per_class")
    if not isinstance(rows, list):
        raise Malformed("metrics.json has no classes")
    per_class = [{FORMERLY.get(key, key): value for key, value in row.items()} for row in rows]
    values = {FORMERLY.get(name, name): value for name, value in metrics.items()} | {
        "per_class": [{one.name: row[one.name] for one in fields(ClassMetrics) if one.name in row} for row in per_class]
    }
    figures = fitting(Figures, values)
    assert figures, "an object gives a dataclass"
    return figures


FORMERLY = {"class": "name", "leaks": "near_duplicates"}
KNOWN = {one.name for one in fields(Figures)} | {"confusion", "uneven", "seconds", *FORMERLY}


def images_in(data: Any) -> Images | None:
    """What data.json says."""
    if data is None:
        return None
    files, root = data["files"], str(data.get("root") or "data")
    parts = Counter((file.split, file.label) for file in files)
    faults = Counter[tuple[str, str]]()
    for fault in data.get("faults") or ():
        faults[str(fault.get("action", KEPT)), str(fault["kind"])] += int(fault.get("images", 1))
    names = {split for split, _ in parts}
    return Images(
        name=root.replace("\\", "/").rstrip("/").rpartition("/")[2] or "data",
        counts={
            split: {name: count for (part, name), count in parts.items() if part == split}
            for split in (*(name for name in SPLITS if name in names), *sorted(names - {*SPLITS}))
        },
        given=tuple(name for name in SPLITS if name in (data.get("counts") or {})),
        groups=len({file.group for file in files} - {None, ""}),
        rendering=tuple(rendering_from(data.get("rendering")).in_words()),
        faults=faults,
    )


def made_with(environment: Any) -> MadeWith | None:
    """What environment.json says."""
    if environment is None:
        return None
    parameters = environment.get("parameters") or {}
    own = {"trained": parameters.get("trained"), "frozen": parameters.get("frozen")}
    return fitting(MadeWith, {**environment, **own})


def last_epoch(path: Path) -> int | None:
    """The last epoch of a history; None where there is none, or it is no history of epochs."""
    if not path.exists():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        epochs = [int(float(row["epoch"])) for row in csv.DictReader(file) if row.get("epoch")]
    return max(epochs, default=None)
