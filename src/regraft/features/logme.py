"""LogME: how likely the labels are under a Bayesian linear model on the features (You et al., 2021).

It ranks networks on one set of images; alone, or across sets, the number means nothing.
"""

import numpy as np

STEPS = 50  # of the fixed point, at most
CLOSE = 1e-4  # relative change of the ratio at which it is found


def logme(features: np.ndarray, labels: np.ndarray) -> float:
    """Mean over classes of the log maximum evidence an image. features: (images, channels); labels: (images,)."""
    left, singular, _ = np.linalg.svd(features.astype(np.float64), full_matrices=False)
    targets = [(labels == label).astype(np.float64) for label in np.unique(labels)]
    return float(np.mean([evidence(left, np.square(singular), target) for target in targets]))


def evidence(left: np.ndarray, sigma: np.ndarray, target: np.ndarray) -> float:
    """Log evidence an image of ``target`` (images,), at the prior and noise precisions that maximise it."""
    images = len(target)
    along = np.square(left.T @ target)
    outside = max(float(target @ target - along.sum()), 0.0)
    alpha = beta = 1.0
    for _ in range(STEPS):
        ratio = alpha / beta
        gamma = float((sigma / (sigma + ratio)).sum())
        weight = float((sigma * along / np.square(ratio + sigma)).sum())
        residue = float((along / np.square(1 + sigma / ratio)).sum()) + outside
        alpha, beta = gamma / (weight + 1e-10), (images - gamma) / (residue + 1e-10)
        if abs(alpha / beta - ratio) <= CLOSE * ratio:
            break
    fit = len(sigma) * np.log(alpha) + images * np.log(beta) - np.log(alpha + beta * sigma).sum()
    return float(0.5 * (fit - beta * residue - alpha * weight - images * np.log(2 * np.pi)) / images)
