"""What a head is fitted to: cross-entropy on labelled features, with its gradient, and its minimum."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from regraft.features.lbfgs import Function, minimise
from regraft.network.head import Head

ROUGHLY, TOLERANCE = 1e-5, 1e-6  # of the loss, that may be left to gain: in a trial, in a head that is kept
STEPS = 200  # of the solver at most, for one layer
STEPS_OF_TWO, TOLERANCE_OF_TWO = 100, 1e-5  # for two, whose minimum nobody needs
LEAST_SPREAD = 0.01  # of the probabilities, that the curvature along the biases is taken for
LEAST_CURVATURE = 1e-6  # along an axis, where nothing varies and nothing is decayed


@dataclass
class Labelled:
    """Images to fit on: features x (images, channels), labels (images,), and what an image of each class counts."""

    x: np.ndarray
    labels: np.ndarray
    classes: int
    weights: np.ndarray | None  # (classes,)
    before: np.ndarray | None = None  # (images, classes): logits that are there already, to which the head's are added

    @cached_property
    def importance(self) -> np.ndarray:
        """What each image counts in the mean: (images, 1), float32."""
        each = np.ones(len(self.labels)) if self.weights is None else self.weights[self.labels]
        return (each / len(self.labels)).astype(np.float32)[:, None]

    def loss(self, logits: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean cross-entropy and its gradient by the logits (images, classes), whose memory it takes."""
        each = np.arange(len(logits))
        logits -= logits.max(axis=1, keepdims=True)
        own = logits[each, self.labels]
        odds = np.exp(logits, out=logits)
        total = odds.sum(axis=1, keepdims=True)
        value = float(np.vdot(self.importance[:, 0], np.log(total[:, 0]) - own))
        odds /= total
        odds[each, self.labels] -= 1
        odds *= self.importance
        return value, odds

    def logits(self, point: np.ndarray) -> np.ndarray:
        """Of weights and biases (channels + 1, classes): (images, classes), in memory of their own."""
        own: np.ndarray = self.x @ point[:-1] + point[-1]
        return own if self.before is None else own + self.before

    def one_layer(self, decay: float) -> Function:
        """Loss of weights and biases (channels + 1, classes): cross-entropy plus half ``decay`` times the weights²."""

        def function(point: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = self.loss(self.logits(point))
            gradient = np.concatenate([self.x.T @ slope + decay * point[:-1], slope.sum(axis=0, keepdims=True)])
            return value + 0.5 * decay * float(np.vdot(point[:-1], point[:-1])), gradient

        return function

    def two_layers(self, decay: float, shapes: Sequence[tuple[int, ...]]) -> Function:
        """The same of all weights and biases in a row, which have ``shapes`` as unpacked takes them."""

        def function(point: np.ndarray) -> tuple[float, np.ndarray]:
            first, first_bias, second, second_bias = unpacked(point, shapes)
            hidden = np.maximum(self.x @ first.T + first_bias, 0)
            value, slope = self.loss(hidden @ second.T + second_bias)
            before = (slope @ second) * (hidden > 0)
            value += 0.5 * decay * float(np.vdot(first, first) + np.vdot(second, second))
            gradients = (
                before.T @ self.x + decay * first,
                before.sum(0),
                slope.T @ hidden + decay * second,
                slope.sum(0),
            )
            return value, np.concatenate([gradient.ravel() for gradient in gradients])

        return function

    def spread(self, point: np.ndarray) -> float:
        """How curved the loss is: mean variance of an image's probabilities, from 0 to 1 / classes."""
        logits = self.logits(point)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        return float((1 - np.square(odds).sum(axis=1)).mean()) / max(self.classes - 1, 1)


def fit_one_layer(images: Labelled, variance: np.ndarray, decays: Sequence[float], tolerance: float) -> Iterator[Head]:
    """A head for each of ``decays``, from strong to weak; ``variance``: of x along its channels (channels,).

    The last one is found to within ``tolerance``, of the loss, the others to within ROUGHLY at least.
    The minimum moves smoothly with the decay's logarithm, so each starts where the two before it point.
    """
    start = before = np.zeros((images.x.shape[1] + 1, images.classes), np.float32)
    for step, decay in enumerate(decays):
        spread = images.spread(start)
        curvature = np.append(np.maximum(spread * variance + decay, LEAST_CURVATURE), max(spread, LEAST_SPREAD))
        scale = (1 / np.sqrt(curvature)).astype(np.float32)[:, None]
        enough = tolerance if step == len(decays) - 1 else max(tolerance, ROUGHLY)
        point = minimise(images.one_layer(decay), start, scale, enough, STEPS)
        yield Head((point[:-1].T,), (point[-1],))
        start = point
        if 0 < step < len(decays) - 1 and decays[step + 1] > 0:
            pace = np.log(decay / decays[step + 1]) / np.log(decays[step - 1] / decay)
            start = point + np.float32(pace) * (point - before)
        before = point


def fit_two_layers(images: Labelled, decay: float, start: Head) -> Head:
    """A head of two layers from the weights of ``start``."""
    arrays = (start.weights[0], start.biases[0], start.weights[1], start.biases[1])
    shapes = [array.shape for array in arrays]
    point = np.concatenate([array.ravel() for array in arrays])
    point = minimise(images.two_layers(decay, shapes), point, np.ones(1, np.float32), TOLERANCE_OF_TWO, STEPS_OF_TWO)
    first, first_bias, second, second_bias = unpacked(point, shapes)
    return Head((first, second), (first_bias, second_bias))


def unpacked(point: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """The arrays of ``shapes`` that lie in a row in ``point``."""
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
    return [point[a:b].reshape(shape) for (a, b), shape in zip(pairwise(ends), shapes, strict=True)]
