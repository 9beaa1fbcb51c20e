"""What a trained classifier is to be compared with: the majority class and the nearest neighbour."""

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
    neighbours, asked = (slice(None, None, -(-len(x) // most)) for x, most in ((train, NEIGHBOURS), (test, ASKED)))
    there, labels = of_length_one(train[neighbours]), train_labels[neighbours]
    here, truth = of_length_one(test[asked]), test_labels[asked]
    parts = (slice(start, start + BLOCK) for start in range(0, len(here), BLOCK))
    right = sum(int((labels[np.argmax(here[part] @ there.T, axis=1)] == truth[part]).sum()) for part in parts)
    return {
        "majority_class": float((test_labels == int(np.bincount(train_labels).argmax())).mean()),
        "nearest_neighbour": right / len(truth),
    }


def of_length_one(vectors: np.ndarray) -> np.ndarray:
    """Vectors (images, channels) scaled to length one; those of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))
