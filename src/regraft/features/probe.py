"""Linear probes by algebra: regularised discriminant analysis, each image judged by one that has not seen its fold.

A linear discriminant (Fisher, 1936; with a penalty on the covariance inside the classes: Friedman, 1989) follows from
sums over the images. Those of the other folds are the sums of all less the fold's own, so that one pass over the
features gives what refitting without each fold would.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regraft.features.scale import scale_of

PENALTIES = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)  # added to the variance inside the classes, to choose from
CHOOSING = 500  # images, or about so many, choose the penalty
RIDGE = 1e-5  # of the images' mean square length, so that rounding leaves their products a root
ABSENT = 1e-9  # prior of a class that no image has
STEPS = 30  # of Newton's method at most
LEAST, MOST = 1e-6, 1e3  # that logits are multiplied by


@dataclass(frozen=True)
class Sums:
    """Sums over images: their number by class (classes,), their features (classes, channels), and their products."""

    counts: np.ndarray
    features: np.ndarray
    products: np.ndarray  # (channels, channels)

    def without(self, part: "Sums") -> "Sums":
        """The sums over the other images."""
        return Sums(self.counts - part.counts, self.features - part.features, self.products - part.products)

    def logits(self, x: np.ndarray, penalty: float) -> np.ndarray:
        """Of images ``x`` (images, channels): (images, classes)."""
        weights, biases = self.discriminant(penalty)
        return np.asarray(x @ weights + biases)

    @property
    def prior(self) -> np.ndarray:
        """The logarithm of each class's share of the images: (classes,)."""
        return np.asarray(np.log(np.maximum(self.counts / self.counts.sum(), ABSENT)))

    def discriminant(self, penalty: float) -> tuple[np.ndarray, np.ndarray]:
        """Weights (channels, classes) and biases (classes,) of the logits."""
        images = self.counts.sum()
        means = self.features / np.maximum(self.counts, 1)[:, None]
        within = (self.products - self.features.T @ means) / images
        within.flat[:: len(within) + 1] += penalty
        centre = self.features.sum(axis=0) / images
        weights = np.linalg.solve(within, (means - centre).T)
        return weights, self.prior - 0.5 * ((means + centre).T * weights).sum(axis=0)


def sums_of(x: np.ndarray, labels: np.ndarray, classes: int) -> Sums:
    """The sums over the images ``x`` (images, channels) with ``labels`` (images,)."""
    member = np.zeros((len(x), classes), x.dtype)
    member[np.arange(len(x)), labels] = 1
    return Sums(member.sum(axis=0), member.T @ x, x.T @ x)


def held_out(
    features: np.ndarray, labels: np.ndarray, classes: int, folds: np.ndarray, learning: np.ndarray | None = None
) -> np.ndarray:
    """Logits (images, classes), float32, of discriminants that did not learn from the image's fold.

    features: (images, channels) float32; labels and folds: (images,); learning: (images,) bool, those that are learned
    from, or all. The first folds choose the penalty.
    """
    learning = np.ones(len(labels), dtype=bool) if learning is None else learning
    x = with_few_channels(scale_of(features).apply(features))
    total = sums_of(x[learning], labels[learning], classes)
    logits = np.zeros((len(labels), classes), np.float32)

    def others_of(rows: np.ndarray) -> Sums:
        own = rows[learning[rows]]
        return total.without(sums_of(x[own], labels[own], classes))

    parts = [np.flatnonzero(folds == fold) for fold in np.unique(folds) if (learning & (folds != fold)).any()]
    choosing = 1 + int(np.searchsorted(np.cumsum([len(rows) for rows in parts]), CHOOSING))
    first = [(others_of(rows), x[rows]) for rows in parts[:choosing]]
    if first:
        rows = np.concatenate(parts[:choosing])
        penalty, logits[rows] = choose_penalty(first, labels[rows])
    for rows in parts[choosing:]:
        logits[rows] = others_of(rows).logits(x[rows], penalty)
    return logits


def choose_penalty(folds: Sequence[tuple[Sums, np.ndarray]], labels: np.ndarray) -> tuple[float, np.ndarray]:
    """The penalty under which calibrated logits fit ``labels`` (images,) best, and those logits as they were.

    ``folds``: sums over the images that are learned from, and x of those that are judged. From strong to weak, to the
    first that is worse than the one before.
    """
    least, chosen, logits = np.inf, PENALTIES[0], np.empty(0)
    for penalty in PENALTIES:
        own = np.concatenate([others.logits(x, penalty) for others, x in folds])
        loss = loss_of(calibrated(own, labels), labels)
        if loss >= least:
            break
        least, chosen, logits = loss, penalty, own
    return chosen, logits


def with_few_channels(x: np.ndarray) -> np.ndarray:
    """Fewer images than channels in coordinates of their own, (images, images), that have the same inner products."""
    if len(x) >= x.shape[1]:
        return x
    precise = x.astype(np.float64)
    products = precise @ precise.T
    products.flat[:: len(x) + 1] += max(RIDGE * float(np.trace(products)) / len(x), RIDGE)
    return np.asarray(np.linalg.cholesky(products).astype(np.float32))


def loss_of(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy, in nats."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]).mean())


def calibrated(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Logits (images, classes) times the one number that fits the labels best, float64."""
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return calibration(logits, labels) * logits


def calibration(logits: np.ndarray, labels: np.ndarray, wrong: float = 0.0) -> float:
    """The number by which the logits (images, classes) fit the labels best (Guo et al., 2017).

    ``wrong``: a share of each image that counts as one of its likeliest wrong class.
    """
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    own = float(logits[np.arange(len(labels)), labels].mean())
    if wrong:
        own += wrong * (float(rivals(logits, labels).mean()) - own)
    factor = 1.0
    for _ in range(STEPS):  # Newton's method on a convex function
        odds = np.exp(factor * logits)
        odds /= odds.sum(axis=1, keepdims=True)
        expected = (odds * logits).sum(axis=1)
        curvature = float(((odds * np.square(logits)).sum(axis=1) - np.square(expected)).mean())
        wanted = factor - (float(expected.mean()) - own) / max(curvature, 1e-12)
        before, factor = factor, float(np.clip(wanted, max(LEAST, factor / 3), min(MOST, factor * 3)))
        if abs(factor - before) <= 1e-4 * before:
            break
    return factor


def rivals(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The logit of the likeliest class but the label's (images,), of logits (images, classes)."""
    others = logits.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    return np.asarray(others.max(axis=1))
