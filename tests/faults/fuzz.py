"""Damage files by chance, and run the real commands on them.

    uv run python -m tests.faults.fuzz --count 2000 --seed 0 [--only cache]

Nothing may come of it but the right result with exit code 0, or one line with exit code 2. The table says how often
each came, for each kind of file; what is neither is printed, and the exit code is 1 then.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.faults.bed import Said, call, done, make_bed
from tests.faults.kinds import KINDS, Kind
from tests.faults.mutations import mutations_of, places_in

SECONDS = 20  # that a command may take
MEMORY = 1_500_000_000  # bytes
OUTCOMES = ("right", "refused", "other")


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
