"""Probes by algebra against logistic ones, at every cut of the embedded network, and planted wrong labels found.

uv run python benchmarks/probes.py FOLDER... [--seeds 3]
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from regraft.data.split import folds_of
from regraft.features.features import Features
from regraft.features.head import DECAYS, Fold, HeadSettings, Trial, best_trial, folds_from, solve, try_decays
from regraft.features.label_issues import FOLDS, doubted_labels, held_out_probabilities, narrow_and_late
from regraft.features.probe import held_out
from regraft.features.threads import one_thread
from regraft.metrics import softmax
from regraft.planning.prepare import Job, prepare
from regraft.recipe import Recipe

PLANTED = 0.05  # of the labels are changed
COLUMNS = (
    "set", "images", "classes", "rank correlation", "mean difference", "logistic, s", "algebra, s", "logistic finds",
    "algebra finds", "logistic, s", "algebra, s",
)  # fmt: skip


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the processor seconds of what is done inside, on one thread, to those of ``name``."""
    started = time.process_time()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.process_time() - started


def logistic_hits(x: np.ndarray, labels: np.ndarray, classes: int, folds: np.ndarray) -> np.ndarray:
    """Which images a logistic probe gets right; the first fold chooses its decay."""
    parts = folds_from(folds)
    decay = chosen(try_decays(x, labels, classes, parts[:1], HeadSettings(), DECAYS[::2]))
    (trial,) = try_decays(x, labels, classes, parts, HeadSettings(), (decay,))
    return trial.right


def chosen(trials: list[Trial]) -> float:
    """The decay with the smallest loss."""
    return min(trials, key=lambda trial: trial.loss).decay


def algebra_hits(x: np.ndarray, labels: np.ndarray, classes: int, folds: np.ndarray) -> np.ndarray:
    """Which images a probe by algebra gets right."""
    with one_thread():
        return held_out(x, labels, classes, folds).argmax(axis=1) == labels


def logistic_probabilities(x: np.ndarray, labels: np.ndarray, classes: int, folds: np.ndarray) -> np.ndarray:
    """Probabilities (images, classes) by logistic probes that have not seen the image's fold."""
    parts: list[Fold] = folds_from(folds)
    decay = best_trial(try_decays(x, labels, classes, parts[:1], HeadSettings(), DECAYS[1:5])).decay
    probabilities = np.zeros((len(labels), classes))
    for fold in parts:
        head = solve(x[fold.fit], labels[fold.fit], classes, decay, HeadSettings())
        probabilities[fold.judge] = softmax(head.logits(x[fold.judge]))
    return probabilities


def profiles(job: Job, seconds: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy at each cut by the logistic probe and by algebra."""
    features, rows, folds = job.features, job.split.train, job.split.folds
    labels, classes = features.labels[rows], len(features.images.classes)
    logistic, algebra = [], []
    for cut in features.cuts:
        x = features.pooled([cut], rows)
        with timed(seconds, "logistic"):
            logistic.append(logistic_hits(x, labels, classes, folds).mean())
        with timed(seconds, "algebra"):
            algebra.append(algebra_hits(x, labels, classes, folds).mean())
    return np.array(logistic), np.array(algebra)


def planted_found(features: Features, seeds: int, seconds: dict[str, float]) -> tuple[float, float]:
    """Shares of planted wrong labels that are among as many first doubts: of logistic probes and of regraft's own."""
    labels, classes, shares = features.labels, len(features.images.classes), []
    every = np.arange(len(labels))
    last, narrow = features.pooled(features.cuts[-3:], every), features.pooled(narrow_and_late(features.cuts), every)
    for seed in range(seeds):
        draw = np.random.default_rng(seed)
        wrong = draw.choice(len(labels), max(1, round(PLANTED * len(labels))), replace=False)
        given = labels.copy()
        given[wrong] = (given[wrong] + draw.integers(1, classes, len(wrong))) % classes
        folds = folds_of(given, features.pixels, seed, None, FOLDS)
        with timed(seconds, "logistic"):
            logistic = logistic_probabilities(last, given, classes, folds)
        with timed(seconds, "algebra"):
            algebra = held_out_probabilities(narrow, given, classes, folds)
        first = ([issue.row for issue in doubted_labels(own, given)[: len(wrong)]] for own in (logistic, algebra))
        shares.append([np.isin(rows, wrong).sum() / len(wrong) for rows in first])
    by_logistic, by_algebra = np.mean(shares, axis=0)
    return float(by_logistic), float(by_algebra)


def main() -> None:
    """A row a set, as a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|", sep="\n")
    for folder in arguments.folders:
        job = prepare(folder, Recipe())
        probing: dict[str, float] = {}
        doubting: dict[str, float] = {}
        logistic, algebra = profiles(job, probing)
        by_logistic, by_algebra = planted_found(job.features, arguments.seeds, doubting)
        figures = (
            folder.name, f"{len(job.split.train):,}", len(job.images.classes),
            f"{spearmanr(logistic, algebra).statistic:.2f}", f"{(algebra - logistic).mean():+.1%}",
            f"{probing['logistic']:.1f}", f"{probing['algebra']:.1f}",
            f"{by_logistic:.0%}", f"{by_algebra:.0%}",
            f"{doubting['logistic'] / arguments.seeds:.1f}",
            f"{doubting['algebra'] / arguments.seeds:.1f}",
        )  # fmt: skip
        print("| " + " | ".join(map(str, figures)) + " |", flush=True)


if __name__ == "__main__":
    main()
