"""Whether images that `regraft suggest` chooses bring more than as many chosen at random.

    python -m benchmarks.suggest [DATA ...] [--start 50] [--count 50] [--seeds 8]

DATA are labelled sets. Of each one's training part START images are labelled first, and a head is trained. Then COUNT
of the rest are labelled, by `suggest` or at random; the head is trained again and tested on the test part. By default
it draws on scikit-learn's digits, which are in the package.
"""

import argparse
import csv
import tempfile
import time
from pathlib import Path

import numpy as np

import regraft
from benchmarks.peers.machine import this_machine
from regraft.data.digits import write_digits
from regraft.metrics.comparisons import over_repeats
from regraft.planning.prepare import look
from regraft.recipe import Recipe

RECIPE = Recipe(strategy="head")


def main() -> None:
    """Print a line a set, and the seeds' own figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*")
    parser.add_argument("--start", type=int, default=50)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=8)
    asked = parser.parse_args()
    print(this_machine())
    print(f"{asked.start} labelled images, then {asked.count} more; {asked.seeds} seeds; accuracy of a head")
    with tempfile.TemporaryDirectory() as folder:
        sets = asked.data
        if not sets:
            write_digits(Path(folder) / "digits")
            sets = [str(Path(folder) / "digits")]
        for data in sets:
            compare(data, asked.start, asked.count, asked.seeds, Path(folder))


def compare(data: str, start: int, count: int, seeds: int, folder: Path) -> None:
    """One set."""
    looked = look(data, RECIPE)
    files, classes = looked.features.images.files, looked.features.images.classes
    split = looked.split()
    rows = {file.name: classes[file.label] for file in files}
    place = {str(file.content.path.resolve()): file.name for file in files}
    paths = {name: path for path, name in place.items()}
    train = [files[row].name for row in [*split.train, *split.val]]
    test = [files[row].name for row in split.test]
    found: dict[str, list[float]] = {"before": [], "suggested": [], "random": []}
    seconds = []
    for seed in range(seeds):
        drawn = np.random.default_rng(seed).permutation(train).tolist()
        first = begin(drawn, rows, start)
        pool = [name for name in drawn if name not in set(first)]
        run = trained(first, test, rows, paths, folder / f"first-{seed}")
        found["before"].append(run.metrics.accuracy)
        started = time.perf_counter()
        chosen = regraft.suggest(run.folder, [paths[name] for name in pool], count, progress=False)
        seconds.append(time.perf_counter() - started)
        suggested = [place[str(Path(image.path).resolve())] for image in chosen.images]
        for rule, more in (("suggested", suggested), ("random", pool[:count])):
            again = trained([*first, *more], test, rows, paths, folder / f"{rule}-{seed}")
            found[rule].append(again.metrics.accuracy)
    gained = over_repeats(np.subtract(found["suggested"], found["random"]), 0.0)
    print(f"\n{Path(data).name}: {len(classes)} classes, a pool of {len(train):,}, {len(test):,} test images")
    for name, values in found.items():
        print(f"  {name:<10}{np.mean(values):7.1%}   " + " ".join(f"{value:.3f}" for value in values))
    print(
        f"  suggested - random: {100 * gained.mean:+.1f} points (95% interval over seeds {100 * gained.low:+.1f} to"
        f" {100 * gained.high:+.1f}); suggesting took {np.median(seconds):.1f} s"
    )


def begin(drawn: list[str], rows: dict[str, str], start: int) -> list[str]:
    """The first images, with two of each class at least."""
    first = drawn[:start]
    for label in sorted(set(rows.values())):
        lacking = 2 - sum(rows[name] == label for name in first)
        first += [name for name in drawn[start:] if rows[name] == label][: max(0, lacking)]
    return first


def trained(train: list[str], test: list[str], rows: dict[str, str], paths: dict[str, str], out: Path) -> regraft.Run:
    """A run on a table of these images."""
    table = out.with_suffix(".csv")
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "label", "split"])
        writer.writerows([paths[name], rows[name], "train"] for name in train)
        writer.writerows([paths[name], rows[name], "test"] for name in test)
    return regraft.train(table, RECIPE, out, overwrite=True, progress=False)


if __name__ == "__main__":
    main()
