"""docs/results.md from the results: accuracy and seconds of every contestant on every set, and what choosing costs."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.peers.machine import this_machine

Row = dict[str, Any]
NETWORKS = {
    "embedded": "EfficientNet-Lite0, the network inside regraft",
    "squeezenet": "SqueezeNet 1.1",
}
WHAT = {
    "default": "`regraft train`",
    "fast": "`regraft train --fast`: heads on the frozen network alone",
    "rule": "the strategy that the case's rule names, alone: `--strategy` as the plan says",
    "head": "`--strategy head`",
    "early layers": "`--strategy early-layers`",
    "fine-tune": "`--strategy fine-tune --time-limit 2m`",
    "from scratch": "`--strategy from-scratch`",
    "5 minutes": "`--time-limit 5m`",
    "logistic regression": "scikit-learn's LogisticRegressionCV on the last cut's features, at the network's own size",
    "fastai": "`vision_learner(...)`, `fine_tune(4)`, the defaults of its quick start, at 224 pixels",
}
QUANTILE = 1.96


def page(rows: Sequence[Row]) -> str:
    """The page; ``rows``: as the file of results has them."""
    parts = [
        "# Results\n",
        "Accuracy on images that had no part in training or choosing, over repeated stratified splits of each set, with"
        " 95% intervals; seconds are of the whole process, with an empty cache, medians.",
        "An empty cell was not run.",
        "`python -m benchmarks.results DATA... --results FILE --page docs/results.md` makes this page.\n",
        f"Machine: {this_machine()}.\n",
    ]
    for network, title in NETWORKS.items():
        own = [row for row in rows if row["network"] == network]
        if own:
            parts += [f"## {title}\n", *tables(own)]
    named = [name for name in WHAT if any(row["contestant"] == name for row in rows)]
    parts += ["## What each does\n", *(f"- {name}: {WHAT[name]}" for name in named)]
    failures = [f"- {row['set']}, {row['contestant']}: {row['failure']}" for row in rows if row["failure"]]
    parts += ["\n## What failed\n", *failures] if failures else []
    return "\n".join(parts) + "\n"


def tables(rows: Sequence[Row]) -> Iterator[str]:
    """Accuracy, seconds and regret of one network's rows."""
    names = [name for name in WHAT if any(row["contestant"] == name for row in rows)]
    sets = list(dict.fromkeys(row["set"] for row in rows))
    header = f"| set | images that train, test | {' | '.join(names)} |\n|---|---|{'---|' * len(names)}"
    yield header
    for one in sets:
        cells = [accuracy_of(chosen(rows, one, name)) for name in names]
        first = next(row for row in rows if row["set"] == one)
        yield f"| {one} | {first['train']:,}, {first['test']:,} | {' | '.join(cells)} |"
    yield "\nSeconds:\n"
    yield header
    for one in sets:
        cells = [seconds_of(chosen(rows, one, name)) for name in names]
        first = next(row for row in rows if row["set"] == one)
        yield f"| {one} | {first['train']:,}, {first['test']:,} | {' | '.join(cells)} |"
    if tuned := [row for row in rows if row.get("start") is not None]:
        yield "\nFine-tuning's validation accuracy, of the head that it begins with and of what it ends with:\n"
        yield "| set | run | start | end |\n|---|---|---|---|"
        for row in tuned:
            start, end = (f"{100 * row[key]:.1f}" for key in ("start", "end"))
            yield f"| {row['set']} | {row['contestant']} | {start} | {end} |"
    yield "\nDifference from `rule`, in points of accuracy, over the sets that both were run on:\n"
    for name in names:
        if name != "rule" and (differences := differences_of(rows, sets, name, "rule")):
            mean, reach = mean_and_reach(differences)
            better = sum(one > 0 for one in differences)
            worse = sum(one < 0 for one in differences)
            yield (
                f"- {name}: {100 * mean:+.1f} ({100 * (mean - reach):+.1f} to {100 * (mean + reach):+.1f}); better on"
                f" {better}, worse on {worse} of {len(differences)} sets"
            )
    yield ""


def chosen(rows: Sequence[Row], one: str, name: str) -> list[Row]:
    """The rows of a set and a contestant that came to something."""
    return [r for r in rows if (r["set"], r["contestant"]) == (one, name) and r["accuracy"] is not None]


def accuracy_of(rows: Sequence[Row]) -> str:
    """Mean accuracy; its interval from the number of test images, or from the repeats where that is wider."""
    if not rows:
        return ""
    values = np.array([row["accuracy"] for row in rows])
    mean, tested = float(values.mean()), sum(row["test"] for row in rows)
    error = math.sqrt(mean * (1 - mean) / tested)
    if len(values) > 1:
        error = max(error, float(values.std(ddof=1)) / math.sqrt(len(values)))
    return f"{100 * mean:.1f} ± {100 * QUANTILE * error:.1f}"


def seconds_of(rows: Sequence[Row]) -> str:
    """The median."""
    return f"{np.median([row['seconds'] for row in rows]):.0f}" if rows else ""


def differences_of(rows: Sequence[Row], sets: Sequence[str], name: str, other: str) -> list[float]:
    """Mean differences in accuracy on the same splits, one a set that both were run on."""
    differences = []
    for one in sets:
        by_repeat = [{row["repeat"]: row["accuracy"] for row in chosen(rows, one, who)} for who in (name, other)]
        both = by_repeat[0].keys() & by_repeat[1].keys()
        if both:
            differences.append(float(np.mean([by_repeat[0][r] - by_repeat[1][r] for r in both])))
    return differences


def mean_and_reach(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half of its 95% interval over the sets."""
    spread = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(np.mean(values)), QUANTILE * spread
