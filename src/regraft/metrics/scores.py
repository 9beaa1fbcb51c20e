"""Proper scores of probabilities, image by image: what they were wrong by, all in all (Gneiting and Raftery, 2007)."""

import numpy as np

LEAST = float(np.finfo(np.float64).eps)  # a probability of nothing would cost infinitely much


def negative_log_likelihoods(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Minus the logarithm of the true class's probability, in nats: (images,)."""
    return np.asarray(-np.log(np.maximum(of_truth(probabilities, labels), LEAST)))


def brier_scores(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Brier's own form (1950): squared errors summed over all classes, from 0 to 2: (images,)."""
    squares = np.einsum("ij,ij->i", probabilities, probabilities)
    return np.asarray(1 - 2 * of_truth(probabilities, labels) + squares)


def of_truth(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The true class's probability (images,), of probabilities (images, classes)."""
    return np.asarray(probabilities[np.arange(len(labels)), labels], dtype=np.float64)
