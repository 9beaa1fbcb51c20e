"""Predictions against labels: metrics with bootstrap intervals, per class, and baselines to compare with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from sklearn.neighbors import KNeighborsClassifier

DRAWS = 1_000  # of the bootstrap
LEVEL = 0.95  # of the intervals


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits (images, classes) -> probabilities (images, classes), float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def summaries(confusion: np.ndarray) -> np.ndarray:
    """Confusion matrices (draws, truth, predicted) -> (draws, 3): accuracy, balanced accuracy, macro F1.

    Balanced accuracy averages over the classes that occur, macro F1 over those that occur or are predicted.
    """
    hit = np.diagonal(confusion, axis1=1, axis2=2).astype(float)
    truth, predicted = confusion.sum(axis=2), confusion.sum(axis=1)
    accuracy = hit.sum(axis=1) / truth.sum(axis=1)
    recall = np.divide(hit, truth, out=np.zeros_like(hit), where=truth > 0)
    f1 = np.divide(2 * hit, truth + predicted, out=np.zeros_like(hit), where=truth + predicted > 0)
    balanced = recall.sum(axis=1) / (truth > 0).sum(axis=1)
    macro = f1.sum(axis=1) / (truth + predicted > 0).sum(axis=1)
    return np.stack([accuracy, balanced, macro], axis=1)


def measure(
    probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str], split: str, seed: int
) -> dict[str, Any]:
    """All metrics of predictions (images, classes) against labels (images,), as plain data.

    The intervals are percentile bootstraps over images (Efron, 1979).
    """
    predicted = probabilities.argmax(axis=1)
    names = list(range(len(classes)))
    confusion = confusion_matrix(labels, predicted, labels=names)
    value = summaries(confusion[None])[0]
    intervals = bootstrap(labels, predicted, len(classes), seed)
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=names, zero_division=0)
    keys = ("accuracy", "balanced_accuracy", "macro_f1")
    return {
        "split": split,
        "images": len(labels),
        **{key: float(value[i]) for i, key in enumerate(keys)},
        "intervals": {key: [float(low), float(high)] for key, (low, high) in zip(keys, intervals.T, strict=True)},
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


def bootstrap(labels: np.ndarray, predicted: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """Interval ends (2, 3) of accuracy, balanced accuracy and macro F1.

    Images are drawn as cells of the confusion matrix: the same distribution, whatever their number.
    """
    cells = np.bincount(labels * classes + predicted, minlength=classes * classes)
    draw = np.random.default_rng(seed)
    tail = 100 * (1 - LEVEL) / 2
    drawn = np.concatenate(
        [
            summaries(draw.multinomial(len(labels), cells / len(labels), 50).reshape(50, classes, classes))
            for _ in range(DRAWS // 50)
        ]
    )
    return np.asarray(np.percentile(drawn, [tail, 100 - tail], axis=0))


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
