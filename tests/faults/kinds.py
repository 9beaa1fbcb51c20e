"""The kinds of files that are damaged, and the command that reads each."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

from tests.faults.bed import NETWORK, TUNING, planned_with_another


@dataclass(frozen=True)
class Kind:
    """A kind of file that is damaged, the command that reads it, and what of its answer must stay."""

    name: str
    files: Callable[[Path], list[Path]]
    command: Callable[[Path], tuple[object, ...]]
    answer: Callable[[Any], Any] | None  # of its JSON; None: whatever exits 0 is right
    damage: Callable[[Path, list[Path], Random], str] | None = None  # in place of a mutation of one file's bytes


def all_in(*patterns: str) -> Callable[[Path], list[Path]]:
    return lambda bed: sorted(path for pattern in patterns for path in bed.glob(pattern) if path.is_file())


def lie(bed: Path, files: list[Path], draw: Random) -> str:
    """A shard whose index was changed and whose seal was made to fit: images or columns in another order."""
    index = draw.choice([file for file in files if file.name == "index.json"])
    values = json.loads(index.read_text())
    name = draw.choice(("contents", "contents", "pixels", "widths", "arrays", "store"))
    if name == "arrays":
        names = list(values["arrays"])
        one, other = draw.sample(names, 2) if len(names) > 1 else (names[0], names[0])
        values["arrays"][one], values["arrays"][other] = values["arrays"][other], ["<f2", 7]
    elif name == "store":
        values["store"] = values["store"][::-1]
    else:
        values[name] = [value * 2 for value in values[name]] if name == "widths" else values[name][::-1]
    data = json.dumps(values).encode()
    index.write_bytes(data)
    sums = (index.parent / "checksums.bin").read_bytes()
    seal = {"images": len(values["contents"]), "crc32": crc32(sums, crc32(data))}
    (index.parent / "seal.json").write_text(json.dumps(seal))
    return f"{name} of a sealed index"


def exchange_files(bed: Path, files: list[Path], draw: Random) -> str:
    """Two files of one name, or two whole shards, in each other's place."""
    if draw.random() < 0.5:
        shards = sorted({file.parent for file in files if file.name == "index.json"})
        one, other = draw.sample(shards, 2) if len(shards) > 1 else (shards[0], shards[0])
    else:
        one = draw.choice(files)
        other = draw.choice([file for file in files if file.suffix == one.suffix])
    between = one.with_name("between")
    one.rename(between)
    if other.exists():
        other.rename(one)
    between.rename(other if one != other else one)
    return f"{one.name} and {other.name} exchanged"


def plan_of(printed: Any) -> Any:
    """What a plan says, but for times."""
    return [printed[name] for name in ("case", "strategy", "cut", "size", "similarity")]


def evaluation_of(printed: Any) -> Any:
    return [printed["metrics"], printed["trained_on"]]


def predictions_of(printed: Any) -> Any:
    rows = printed["predictions"]
    return [(row["path"], row["class"], *[row[key] for key in row if key.startswith("p(")]) for row in rows]


def trained_of(printed: Any) -> Any:
    return [printed["metrics"], printed["strategy"], printed["cuts"]]


CACHE = all_in("cache/features/*/*", "cache/features/*/*/*", "cache/files/*", "cache/networks/*", "cache/networks/*/*")
SHARDS = all_in("cache/features/*/shard-*/*")


def planned(bed: Path) -> tuple[object, ...]:
    return "plan", bed / "images", *NETWORK


def scanned_dataset(bed: Path) -> tuple[object, ...]:
    return "scan", bed / "dataset", "--json"


def predicted(bed: Path) -> tuple[object, ...]:
    return "predict", bed / "run", bed / "images" / "0", bed / "images" / "1", "--device", "cpu", "--quiet", "--json"


def evaluated(bed: Path) -> tuple[object, ...]:
    return "evaluate", bed / "run", bed / "images", "--quiet", "--json"


def started_from(bed: Path) -> tuple[object, ...]:
    return "plan", bed / "images", "--backbone", bed / "run", "--quiet", "--json"


def with_recipe(bed: Path) -> tuple[object, ...]:
    return "plan", bed / "images", "--recipe", bed / "recipes" / "recipe.json", "--quiet", "--json"


def resumed(bed: Path) -> tuple[object, ...]:
    return "train", bed / "images", *TUNING, "--out", bed / "tuned", "--resume"


def scanned(bed: Path) -> tuple[object, ...]:
    return "scan", next((bed / "packed").glob("damaged.*")), "--json"


KINDS = (
    Kind("cache", CACHE, planned, plan_of),
    Kind("network", all_in("cache/networks/*", "cache/networks/*/*"), planned_with_another, plan_of),
    Kind("exchanged", SHARDS, planned, plan_of, exchange_files),
    Kind("lying index", SHARDS, planned, plan_of, lie),
    Kind("model", all_in("run/model/*"), predicted, predictions_of),
    Kind("run", all_in("run/*.json", "run/*.csv"), evaluated, evaluation_of),
    Kind("backbone", all_in("run/model/config.json", "run/model/model.safetensors"), started_from, plan_of),
    Kind("recipe", all_in("recipes/*"), with_recipe, None),
    Kind("checkpoint", all_in("tuned/checkpoints/*/last.pt"), resumed, trained_of),
    Kind("archive", all_in("packed/images.*"), scanned, None),
    Kind("table", all_in("packed/table.*"), scanned, None),
    Kind("dataset", all_in("dataset/*.json", "dataset/*.arrow"), scanned_dataset, None),
)
