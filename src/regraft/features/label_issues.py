"""Labels that a classifier which has not seen them does not believe.

The rule is confident learning's (Northcutt et al., 2021, "Confident learning: estimating uncertainty in dataset
labels"): an image is doubted most where another class is as likely as it is for images that bear its name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from regraft.data.images import KEPT, Fault
from regraft.data.split import folds_of, subsample, units_of
from regraft.features.features import Features
from regraft.features.head import Fold, HeadSettings, best_trial, folds_from, solve, try_decays
from regraft.metrics import softmax

DECAYS = (0.3, 0.1, 0.03, 0.01)
CUTS = 3  # the last ones, joined
FOLDS = 10  # each classifier learns from the others'
FITTED = 5_000  # images that each classifier learns from, at most
FEWEST_LISTED, SHARE_LISTED = 20, 0.02  # of the images; a list that a person can go through


@dataclass(frozen=True)
class LabelIssue:
    """An image (its row) whose label is not believed."""

    row: int
    label: int  # what looks more likely
    probability: float  # of that
    own: float  # probability of the label that it has


def find_label_issues(features: Features, seed: int) -> tuple[LabelIssue, ...]:
    """The least believed labels first: judged by linear classifiers on the last cuts that have not seen the image."""
    labels, pixels = features.labels, features.pixels
    x = features.pooled(features.cuts[-CUTS:], np.arange(len(labels)))
    units = units_of(pixels, [file.group for file in features.images.files])
    folds, classes = folds_from(folds_of(labels, pixels, seed + 1, units, FOLDS)), len(features.images.classes)
    if not folds:
        return ()
    decay = best_decay(x, labels, classes, folds[0])
    most = max(FEWEST_LISTED, round(SHARE_LISTED * len(labels)))
    return tuple(doubted_labels(out_of_fold(x, labels, classes, folds, decay), labels)[:most])


def best_decay(x: np.ndarray, labels: np.ndarray, classes: int, fold: Fold) -> float:
    """The weight decay that does best on one fold."""
    thin = Fold(thinned(fold.fit, labels), thinned(fold.judge, labels))
    return best_trial(try_decays(x, labels, classes, [thin], HeadSettings(), DECAYS)).decay


def out_of_fold(x: np.ndarray, labels: np.ndarray, classes: int, folds: Sequence[Fold], decay: float) -> np.ndarray:
    """Probabilities (images, classes) of classifiers that did not learn from the image."""
    probabilities = np.full((len(labels), classes), 1 / classes)
    for fold in folds:
        rows = thinned(fold.fit, labels)
        head = solve(x[rows], labels[rows], classes, decay, HeadSettings())
        with torch.inference_mode():
            probabilities[fold.judge] = softmax(head(torch.from_numpy(x[fold.judge])).numpy())
    return probabilities


def thinned(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """At most FITTED of the rows, every class in proportion."""
    return np.asarray(rows[subsample(labels[rows], FITTED)])


def doubted_labels(probabilities: np.ndarray, labels: np.ndarray) -> list[LabelIssue]:
    """Images (of (images, classes) and (images,)) that look more like another class.

    Those that confident learning puts there come first, then those that are merely taken for it; by the margin of
    the other class over the label within both.
    """
    each = np.arange(len(labels))
    own = probabilities[each, labels]
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    usual = np.bincount(labels, weights=own, minlength=probabilities.shape[1]) / np.maximum(counts, 1)
    others = probabilities.copy()
    others[each, labels] = -1.0
    confident = np.where((others >= usual) & (counts > 0), others, -1.0)
    sure = confident.max(axis=1) > own
    other = np.where(sure, confident.argmax(axis=1), others.argmax(axis=1))
    likely = probabilities[each, other]
    doubted = np.flatnonzero(likely > own)
    order = np.lexsort((own - likely, ~sure))
    worst = order[np.isin(order, doubted)]
    return [LabelIssue(int(row), int(other[row]), float(likely[row]), float(own[row])) for row in worst]


def label_issue_faults(features: Features, issues: Sequence[LabelIssue]) -> Iterator[Fault]:
    """The label issues as faults, in their order."""
    files, classes = features.images.files, features.images.classes
    for issue in issues:
        file = files[issue.row]
        reason = f"labelled '{classes[file.label]}', looks like '{classes[issue.label]}' ({issue.probability:.0%})"
        yield Fault(file.name, "label issue", reason, KEPT)
