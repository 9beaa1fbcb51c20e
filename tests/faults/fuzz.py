"""Damage files by chance, and run the real commands on them.

    uv run python -m tests.faults.fuzz --count 2000 --seed 0 [--only cache]

Nothing may come of it but the right result with exit code 0, or one line with exit code 2. The table says how often
each came, for each kind of file; what is neither is printed, and the exit code is 1 then.
"""

import argparse
import contextlib
import io
import json
import os
import resource
import shutil
import signal
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

import numpy as np

from tests.faults.mutations import mutations_of, places_in

SECONDS = 20  # that a command may take
MEMORY = 1_500_000_000  # bytes
NETWORK = ("--backbone", "demonstration", "--image-size", "32", "--quiet", "--json")
OUTCOMES = ("right", "refused", "other")


class TooLong(BaseException):
    """A command took longer than it may."""


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Kind:
    """A kind of file that is damaged, the command that reads it, and what of its answer must stay."""

    name: str
    files: Callable[[Path], list[Path]]
    command: Callable[[Path], tuple[object, ...]]
    answer: Callable[[Any], Any] | None  # of its JSON; None: whatever exits 0 is right
    damage: Callable[[Path, list[Path], Random], str] | None = None  # in place of a mutation of one file's bytes


@dataclass
class Table:
    """How often each outcome came, and what went wrong."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def __str__(self) -> str:
        rows = [f"{'kind':<14}" + "".join(f"{outcome:>10}" for outcome in OUTCOMES)]
        rows += [f"{kind:<14}" + "".join(f"{row[o]:>10}" for o in OUTCOMES) for kind, row in self.counts.items()]
        return "\n".join([*rows, f"slowest command {self.slowest:.1f} s, memory {peak() / 1e6:.0f} MB"])


def peak() -> int:
    """The most bytes of memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def call(*arguments: object, seconds: int = 600) -> Said:
    """Run a command in this process, for so long at most."""
    from regraft.cli.main import main

    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv, code = ["regraft", *map(str, arguments)], 0
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    except TooLong:
        return Said(-1, "", f"took more than {seconds} s")
    finally:
        signal.alarm(0)
        sys.argv = before
    return Said(code, out.getvalue(), err.getvalue())


def too_long(*_: object) -> None:
    raise TooLong


# --- what is damaged ---


def write_images(folder: Path, each: int = 12, classes: int = 3) -> None:
    """Some of scikit-learn's digits."""
    from regraft.data.digits import write_digits

    write_digits(folder)
    for digit in sorted(folder.iterdir()):
        for path in sorted(digit.iterdir())[each if int(digit.name) < classes else 0 :]:
            path.unlink()
        if int(digit.name) >= classes:
            digit.rmdir()


def make_bed(bed: Path) -> None:
    """Everything whole: images, a cache, runs, checkpoints, recipes, archives and tables."""
    images = bed / "images"
    write_images(images)
    done(call("train", images, "--strategy", "head", *NETWORK, "--out", bed / "run"))
    (bed / "recipes").mkdir()
    shutil.copy(bed / "run" / "recipe.json", bed / "recipes" / "recipe.json")
    pack(images, bed / "packed")
    interrupted_training(images, bed / "tuned")
    write_weights(bed / "fixed" / "weights.safetensors")
    done(call(*planned_with_another(bed)))
    save_dataset(images, bed / "dataset")


def write_weights(path: Path) -> None:
    """Random weights of a network that regraft does not ship."""
    import torch
    from safetensors.torch import save_file
    from torchvision.models import squeezenet1_1

    path.parent.mkdir()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_file(squeezenet1_1().state_dict(), path)


def save_dataset(images: Path, folder: Path) -> None:
    """The images as a data set of the Hugging Face's, where its library is installed."""
    with contextlib.suppress(ImportError):
        import datasets

        datasets.disable_progress_bars()
        files = sorted(images.rglob("*.png"))
        classes = datasets.ClassLabel(names=sorted({file.parent.name for file in files}))
        rows = {
            "image": [{"bytes": file.read_bytes()} for file in files],
            "label": [file.parent.name for file in files],
        }
        features = datasets.Features({"image": datasets.Image(), "label": classes})
        datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(folder))


def done(said: Said) -> None:
    assert said.code == 0, said.err


def interrupted_training(images: Path, out: Path) -> None:
    """A fine-tuning that Ctrl-C ended in its second epoch."""
    from regraft.training.loop import Loop

    whole, epochs = Loop.train_epoch, []

    def once(loop: Loop) -> None:
        epochs.append(loop)
        if len(epochs) > 1:
            raise KeyboardInterrupt
        whole(loop)

    Loop.train_epoch = once  # type: ignore[method-assign]
    try:
        said = call("train", images, *TUNING, "--out", out)
    finally:
        Loop.train_epoch = whole  # type: ignore[method-assign]
    assert said.code == 130, said.err


TUNING = ("--strategy", "fine-tune", "--epochs", 2, "--batch-size", 8, *NETWORK)


def pack(images: Path, folder: Path) -> None:
    """The images as archives and tables."""
    folder.mkdir()
    files = sorted(images.rglob("*.png"))
    with zipfile.ZipFile(folder / "images.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(images))
    for name, mode in (("images.tar", "w"), ("images.tar.gz", "w:gz")):
        with tarfile.open(folder / name, mode) as packed:  # type: ignore[call-overload]
            packed.add(images, "images")
    rows = [{"image": str(file), "label": file.parent.name, "split": "train"} for file in files]
    (folder / "table.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "table.csv").write_text("\n".join(["image,label,split", *(",".join(row.values()) for row in rows)]))
    with contextlib.suppress(ImportError):
        from pyarrow import Table as Arrow
        from pyarrow import parquet

        parquet.write_table(Arrow.from_pylist(rows), folder / "table.parquet")


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


def planned_with_another(bed: Path) -> tuple[object, ...]:
    weights = (bed / "fixed").resolve() / "weights.safetensors"
    network = ("--backbone", "torchvision/squeezenet1_1", "--weights", weights, "--image-size", 64)
    return "plan", bed / "images", *network, "--quiet", "--json"


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


# --- one case after another ---


@contextlib.contextmanager
def copied(bed: Path, work: Path) -> Iterator[Path]:
    """A copy of everything but images and weights, which stay where they are; the cache is the copy's."""
    shutil.copytree(bed, work, ignore=shutil.ignore_patterns("images", "fixed"), symlinks=True)
    for name in ("images", "fixed"):
        (work / name).symlink_to(bed / name)
    os.environ["REGRAFT_CACHE"] = str(work / "cache")
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def damage(kind: Kind, work: Path, draw: Random) -> str:
    """Damage one thing of that kind, and say how."""
    files = kind.files(work)
    if kind.damage:
        return kind.damage(work, files, draw)
    file = draw.choice(files)
    data, mutate = file.read_bytes(), draw.choice(mutations_of(file.name))
    changed = mutate(data or b"\x00", draw)
    if kind.name in {"archive", "table"}:
        file = file.with_name(f"damaged.{file.name.partition('.')[2]}")
    file.write_bytes(changed)
    return f"{mutate.__name__} in {file.relative_to(work)}"


def outcome_of(kind: Kind, said: Said, expected: Said) -> str:
    """One of OUTCOMES."""
    lines = said.err.splitlines()
    if said.code == 2 and len(lines) == 1 and lines[0].startswith("regraft: "):
        return "refused"
    if said.code or "Traceback" in said.err:
        return "other"
    printed = json.loads(said.out)
    right = kind.answer is None or alike(kind.answer(printed), kind.answer(json.loads(expected.out)))
    return "right" if right else "other"


def alike(one: Any, other: Any) -> bool:
    """Whether two answers are the same but for the last digits of numbers."""
    ours, theirs = ([v for _, v in flat(answer)] for answer in (one, other))
    if [type(v) for v in ours] != [type(v) for v in theirs]:
        return False
    numbers = [(a, b) for a, b in zip(ours, theirs, strict=True) if isinstance(a, float)]
    rest = [(a, b) for a, b in zip(ours, theirs, strict=True) if not isinstance(a, float)]
    return (
        all(a == b for a, b in rest) and bool(np.allclose(*zip(*numbers, strict=True), atol=2e-3))
        if numbers
        else ours == theirs
    )


def flat(value: Any) -> list[tuple[str, Any]]:
    leaves = [(key, inner[key]) for inner, key in places_in([value]) if not isinstance(inner[key], (dict, list, tuple))]
    tuples = [inner[key] for inner, key in places_in([value]) if isinstance(inner[key], tuple)]
    return [(str(key), v) for key, v in leaves] + [("", v) for one in tuples for v in one]


def fuzz(bed: Path, count: int, seed: int, only: str = "", seconds: int = SECONDS) -> Table:
    """Damage so many files of a bed that ``make_bed`` made, and count what came of it."""
    table, draw, most = Table(), Random(seed), max(MEMORY, peak() + MEMORY // 3)
    kinds = [kind for kind in KINDS if only in kind.name and kind.files(bed)]
    expected = {}
    for kind in kinds:
        with copied(bed, bed.with_name("work")) as work:
            for file in kind.files(work)[:1] if kind.name in {"archive", "table"} else []:
                shutil.copy(file, file.with_name(f"damaged.{file.name.partition('.')[2]}"))
            expected[kind.name] = call(*kind.command(work))
            done(expected[kind.name])
    for number in range(count):
        kind = kinds[number % len(kinds)]
        with copied(bed, bed.with_name("work")) as work:
            how, began = damage(kind, work, draw), time.monotonic()
            said = call(*kind.command(work), seconds=seconds)
            table.slowest = max(table.slowest, time.monotonic() - began)
            outcome = outcome_of(kind, said, expected[kind.name])
            if peak() > most:
                outcome = "other"
            table.counts.setdefault(kind.name, Counter())[outcome] += 1
            if outcome == "other":
                last = said.err.strip().splitlines()[-4:] or ["another result"]
                table.wrong.append(f"{number} {kind.name}: {how}: exit {said.code}: {' | '.join(last)[-400:]}")
                print(table.wrong[-1], flush=True)
    return table


def main() -> None:
    """Make the bed, damage, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of a kind's name")
    given = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        bed = Path(folder, "bed")
        os.environ["REGRAFT_CACHE"] = str(bed / "cache")
        make_bed(bed)
        table = fuzz(bed, given.count, given.seed, given.only)
    print(table)
    sys.exit(1 if table.wrong else 0)


if __name__ == "__main__":
    main()
