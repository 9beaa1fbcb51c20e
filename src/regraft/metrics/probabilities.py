"""Logits and probabilities."""

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits (images, classes) -> probabilities (images, classes), float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
