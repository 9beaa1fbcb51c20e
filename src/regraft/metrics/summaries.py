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


def share_of(some: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Their ratio, and 0 where there is nothing to share."""
    return np.asarray(np.divide(some, of, out=np.zeros(len(of)), where=of > 0))
