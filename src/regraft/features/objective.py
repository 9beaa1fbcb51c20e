"""What a head is fitted to: cross-entropy on labelled features, with its gradient, and its minimum."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from typing import Any

import numpy as np

from regraft.features.lbfgs import Function, minimise
from regraft.features.on_disk import parts_of
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

    def loss(self, logits: np.ndarray, part: slice) -> tuple[float, np.ndarray]:
        """Cross-entropy of a part and its gradient by the logits (images, classes), whose memory it takes."""
        each, labels, importance = np.arange(len(logits)), self.labels[part], self.importance[part]
        logits -= logits.max(axis=1, keepdims=True)
        own = logits[each, labels]
        odds = np.exp(logits, out=logits)
        total = odds.sum(axis=1, keepdims=True)
        value = float(np.vdot(importance[:, 0], np.log(total[:, 0]) - own))
        odds /= total
        odds[each, labels] -= 1
        odds *= importance
        return value, odds

    def logits(self, point: np.ndarray, part: slice) -> np.ndarray:
        """Of weights and biases (channels + 1, classes): (images, classes), in memory of their own."""
        own: np.ndarray = self.x[part] @ point[:-1] + point[-1]
        return own if self.before is None else own + self.before[part]

    def one_layer(self, decay: float) -> Function:
        """Loss of weights and biases (channels + 1, classes): cross-entropy plus half ``decay`` times the weights²."""

        def of_part(point: np.ndarray, part: slice) -> tuple[float, np.ndarray, np.ndarray]:
            value, slope = self.loss(self.logits(point, part), part)
            return value, self.x[part].T @ slope, slope.sum(axis=0, keepdims=True)

        def function(point: np.ndarray) -> tuple[float, np.ndarray]:
            value, first, bias = added(of_part(point, part) for part in parts_of(self.x))
            gradient = np.concatenate([first + decay * point[:-1], bias])
            return value + 0.5 * decay * float(np.vdot(point[:-1], point[:-1])), gradient

        return function

    def two_layers(self, decay: float, shapes: Sequence[tuple[int, ...]]) -> Function:
        """The same of all weights and biases in a row, which have ``shapes`` as unpacked takes them."""

        def of_part(arrays: Sequence[np.ndarray], part: slice) -> tuple[Any, ...]:
            first, first_bias, second, second_bias = arrays
            hidden = np.maximum(self.x[part] @ first.T + first_bias, 0)
            value, slope = self.loss(hidden @ second.T + second_bias, part)
            before = (slope @ second) * (hidden > 0)
            return value, before.T @ self.x[part], before.sum(0), slope.T @ hidden, slope.sum(0)

        def function(point: np.ndarray) -> tuple[float, np.ndarray]:
            arrays = unpacked(point, shapes)
            first, _, second, _ = arrays
            value, *slopes = added(of_part(arrays, part) for part in parts_of(self.x))
            value += 0.5 * decay * float(np.vdot(first, first) + np.vdot(second, second))
            gradients = (slopes[0] + decay * first, slopes[1], slopes[2] + decay * second, slopes[3])
            return value, np.concatenate([gradient.ravel() for gradient in gradients])

        return function

    def spread(self, point: np.ndarray) -> float:
        """How curved the loss is: mean variance of an image's probabilities, from 0 to 1 / classes."""
        squares = np.concatenate([self.squares(self.logits(point, part)) for part in parts_of(self.x)])
        return float((1 - squares).mean()) / max(self.classes - 1, 1)

    def squares(self, logits: np.ndarray) -> np.ndarray:
        """The sum of each image's squared probabilities (images,), of its logits (images, classes)."""
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        return np.asarray(np.square(odds).sum(axis=1))


def added(parts: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The sums of several parts' figures, place by place."""
    return reduce(lambda one, other: tuple(a + b for a, b in zip(one, other, strict=True)), parts)


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
