"""What choosing among heads costs: regret of the rule alone, of a 95% test, of the most accurate, of the expected gain.

    python -m benchmarks.choosing DATA... --repeats 3 --most 1500

For each set and repeated split every head that ``train`` tries is judged inside the training part, and on the test.
Regret is how far the test accuracy of the one that a way of choosing picks lies below the best head's.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.results.splits import parted
from regraft.planning.prepare import prepare
from regraft.progress import silent
from regraft.recipe import Recipe
from regraft.training.candidates import frozen_candidates
from regraft.training.choosing import best_of, gain_of
from regraft.training.result import Judged
from regraft.training.strategy import trainer_for

CERTAIN = 0.95
DRAWS = 10_000


@dataclass(frozen=True)
class Tried:
    """One head: what its own images say, and the test."""

    judged: Judged
    test: float  # accuracy


def by_rule(tried: Sequence[Tried]) -> int:
    """The first."""
    return 0


def by_test(tried: Sequence[Tried]) -> int:
    """Each takes the place of the best before it where it wins 95% of paired bootstrap draws."""
    best = 0
    for place, one in enumerate(tried):
        if certainty(one.judged.hits, tried[best].judged.hits) >= CERTAIN:
            best = place
    return best


def by_accuracy(tried: Sequence[Tried]) -> int:
    """The most accurate."""
    return int(np.argmax([one.judged.accuracy for one in tried]))


def by_gain(tried: Sequence[Tried]) -> int:
    """As ``train`` does."""
    judged = [one.judged for one in tried]
    return best_of(judged, [gain_of(one, judged[0]) for one in judged])


WAYS: dict[str, Callable[[Sequence[Tried]], int]] = {
    "the rule alone": by_rule,
    "95% test": by_test,
    "most accurate": by_accuracy,
    "expected gain": by_gain,
}


def certainty(hits: np.ndarray, before: np.ndarray) -> float:
    """Share of paired bootstrap draws (Efron, 1979) in which ``hits`` beat ``before``; ties count half."""
    gained, lost = int((hits & ~before).sum()), int((~hits & before).sum())
    shares = [gained / len(hits), lost / len(hits), 1 - (gained + lost) / len(hits)]
    draws = np.random.default_rng(0).multinomial(len(hits), shares, DRAWS)
    difference = draws[:, 0] - draws[:, 1]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


def heads_on(data: Path, recipe: Recipe) -> list[Tried]:
    """Every head that ``train`` tries on train/ and test/ of ``data``."""
    job = prepare(data, recipe)
    tried = []
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_for(job, Path(folder))
        cuts, labels = job.backbone.cuts, job.features.labels[job.split.test]
        for candidate in frozen_candidates(job.planned_recipe(), job.plan, trainer.examples, cuts, silent):
            trained = trainer.train(candidate.recipe, "head")
            predicted = trainer.probabilities_of(trained, job.split.test).argmax(axis=1)
            tried.append(Tried(trained.judged, float((predicted == labels).mean())))
    return tried


def main() -> None:
    """A row a set, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--most", type=int, help="training images at most")
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--weights")
    given = parser.parse_args()
    recipe = Recipe(backbone=given.backbone, weights=given.weights, large_from=10**9)
    print(f"| set | best head | {' | '.join(WAYS)} |\n|---|---|{'---|' * len(WAYS)}")
    regrets = []
    for data in given.data:
        own, best = [], []
        for repeat in range(given.repeats):
            with tempfile.TemporaryDirectory() as folder:
                tried = heads_on(parted(data, repeat, given.most, Path(folder) / "split"), recipe)
            best.append(max(one.test for one in tried))
            own.append([best[-1] - tried[way(tried)].test for way in WAYS.values()])
        regrets.append(np.mean(own, axis=0))
        figures = " | ".join(f"{100 * one:.1f}" for one in regrets[-1])
        print(f"| {data.name} | {100 * np.mean(best):.1f} | {figures} |", flush=True)
    mean, error = np.mean(regrets, axis=0), np.std(regrets, axis=0, ddof=1) / len(regrets) ** 0.5
    print("| mean | | " + " | ".join(f"{100 * m:.2f} ± {196 * e:.2f}" for m, e in zip(mean, error, strict=True)) + " |")


if __name__ == "__main__":
    main()
