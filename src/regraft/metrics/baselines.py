"""What a trained classifier is to be compared with: the majority class and the nearest neighbour."""

from collections.abc import Callable

import numpy as np

NEIGHBOURS, ASKED = 20_000, 5_000  # images of the baseline by neighbours, about so many at most
BLOCK = 512  # images compared at once with all others


def baselines(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> dict[str, float]:
    """Accuracy of the majority class and of the nearest neighbour by cosine on features (images, channels).

    Of more than NEIGHBOURS training images every second, third and so on is a neighbour, and of more than ASKED test
    images as many are asked.
    """
    neighbours, asked = evenly(len(train), NEIGHBOURS), evenly(len(test), ASKED)
    there, labels = of_length_one(train[neighbours]), train_labels[neighbours]
    here, truth = of_length_one(test[asked]), test_labels[asked]
    parts = (slice(start, start + BLOCK) for start in range(0, len(here), BLOCK))
    right = sum(int((labels[np.argmax(here[part] @ there.T, axis=1)] == truth[part]).sum()) for part in parts)
    return {
        "majority_class": share_of_largest(train_labels, test_labels),
        "nearest_neighbour": right / len(truth),
    }


def baselines_by(
    pooled: Callable[[np.ndarray], np.ndarray], labels: np.ndarray, train: np.ndarray, test: np.ndarray
) -> dict[str, float]:
    """The same of rows that train and test; ``pooled`` gives the features of those rows that are needed."""
    neighbours, asked = train[evenly(len(train), NEIGHBOURS)], test[evenly(len(test), ASKED)]
    found = baselines(pooled(neighbours), labels[neighbours], pooled(asked), labels[asked])
    return found | {"majority_class": share_of_largest(labels[train], labels[test])}


def share_of_largest(train_labels: np.ndarray, test_labels: np.ndarray) -> float:
    """The accuracy of always naming the largest class."""
    return float((test_labels == int(np.bincount(train_labels).argmax())).mean())


def evenly(count: int, most: int) -> slice:
    """Every place, or every second, third and so on of more than ``most``."""
    return slice(None, None, -(-count // most))


def of_length_one(vectors: np.ndarray) -> np.ndarray:
    """Vectors (images, channels) scaled to length one; those of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))
