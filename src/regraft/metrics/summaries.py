"""Accuracy, balanced accuracy and macro F1 of predicted classes."""

import numpy as np

SUMMARIES = ("accuracy", "balanced_accuracy", "macro_f1")


def summaries(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Class ids, each (images,), and what each counts (1) -> (3,): accuracy, balanced accuracy, macro F1.

    The latter two average over the classes that occur.
    """
    weights = np.ones(len(truth)) if weights is None else weights
    classes = int(max(truth.max(), predicted.max())) + 1
    occurs = np.bincount(truth, weights, classes)
    named = np.bincount(predicted, weights, classes)
    hit = np.bincount(truth, weights * (truth == predicted), classes)
    recall, f1 = share_of(hit, occurs), share_of(2 * hit, occurs + named)
    there = (occurs > 0).sum()
    return np.array([hit.sum() / occurs.sum(), recall.sum() / there, f1.sum() / there])


def drawn_summaries(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The same for each of many ``weights`` (draws, images), at once -> (draws, 3)."""
    classes = int(max(truth.max(), predicted.max())) + 1
    occurs, named = sums_by(truth, weights, classes), sums_by(predicted, weights, classes)
    hit = sums_by(truth, weights * (truth == predicted), classes)
    recall, f1 = share_of(hit, occurs), share_of(2 * hit, occurs + named)
    there = (occurs > 0).sum(axis=1)
    accuracy = hit.sum(axis=1) / occurs.sum(axis=1)
    return np.stack([accuracy, recall.sum(axis=1) / there, f1.sum(axis=1) / there], axis=1)


def sums_by(classes_of: np.ndarray, weights: np.ndarray, classes: int) -> np.ndarray:
    """Of each row of ``weights`` (draws, images) what the images of each class add up to: (draws, classes)."""
    order = np.argsort(classes_of, kind="stable")
    present, starts = np.unique(classes_of[order], return_index=True)
    sums = np.zeros((len(weights), classes))
    sums[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
    return sums


def share_of(some: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Their ratio, and 0 where there is nothing to share."""
    return np.asarray(np.divide(some, of, out=np.zeros(of.shape), where=of > 0))
