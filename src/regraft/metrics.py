"""Predictions against labels: metrics with intervals, per class, and baselines to compare with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from sklearn.neighbors import KNeighborsClassifier

from regraft.intervals import LEVEL, intervals, summaries


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits (images, classes) -> probabilities (images, classes), float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def measure(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    split: str,
    seed: int,
    groups: Sequence[str | None] | None = None,
) -> dict[str, Any]:
    """All metrics of predictions (images, classes) against labels (images,), as plain data.

    ``groups``: each image's, where images of one group are not independent of one another.
    """
    predicted = probabilities.argmax(axis=1)
    names = list(range(len(classes)))
    confusion = confusion_matrix(labels, predicted, labels=names)
    value = summaries(labels, predicted)
    ends = intervals(labels, predicted, groups, seed)
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=names, zero_division=0)
    keys = ("accuracy", "balanced_accuracy", "macro_f1")
    return {
        "split": split,
        "images": len(labels),
        **{key: float(value[i]) for i, key in enumerate(keys)},
        "intervals": {key: list(pair) for key, pair in zip(keys, ends, strict=True)},
        "interval_level": LEVEL,
        "per_class": [
            {
                "class": name,
                "images": int(support[i]),
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
            }
            for i, name in enumerate(classes)
        ],
        "confusion": confusion.tolist(),
    }


def baselines(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> dict[str, float]:
    """Accuracy of the majority class and of the nearest neighbour by cosine on features (images, channels)."""
    majority = int(np.bincount(train_labels).argmax())
    neighbour = KNeighborsClassifier(n_neighbors=1, metric="cosine", algorithm="brute").fit(train, train_labels)
    return {
        "majority_class": float((test_labels == majority).mean()),
        "nearest_neighbour": float(neighbour.score(test, test_labels)),
    }
