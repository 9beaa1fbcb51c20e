"""Minimise a smooth function: L-BFGS with a diagonal scale of the unknowns.

Liu and Nocedal, 1989, "On the limited memory BFGS method for large scale optimization"; the line search halves the
step, or goes where a parabola is lowest, until the function has fallen enough (Armijo, 1966).
"""

from collections import deque
from collections.abc import Callable

import numpy as np

REMEMBERED = 10  # steps from which the curvature is estimated
ENOUGH = 1e-4  # of the fall that the slope promises
HALVINGS = 20  # of a step at most

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]  # unknowns -> value, gradient of the same shape


def minimise(function: Function, start: np.ndarray, scale: np.ndarray, tolerance: float, steps: int) -> np.ndarray:
    """Unknowns that minimise ``function``, of any shape, from ``start``.

    ``scale``, of a shape that broadcasts to them: the inverse root of the function's curvature along each unknown, as
    far as it is known. It ends where what is left to gain, as far as the scale tells, is ``tolerance`` of the value.
    """
    point, (value, slope) = start, scaled(function, start, scale)
    pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=REMEMBERED)
    for _ in range(steps):
        if 0.5 * product(slope, slope) <= tolerance * value:
            break
        direction = -inverse_times(slope, pairs)
        fall, step = product(slope, direction), 1.0
        for _ in range(HALVINGS):
            there = point + step * scale * direction
            value_there, slope_there = scaled(function, there, scale)
            if value_there <= value + ENOUGH * step * fall:
                break
            lowest = -0.5 * fall * step**2 / (value_there - value - step * fall)
            step = min(max(lowest, 0.1 * step), 0.5 * step)
        if not value_there < value:  # as low as rounding lets it go
            break
        moved, change = step * direction, slope_there - slope
        if (curvature := product(moved, change)) > 1e-8 * product(change, change):
            pairs.append((moved, change, curvature))
        point, value, slope = there, value_there, slope_there
    return point


def scaled(function: Function, point: np.ndarray, scale: np.ndarray) -> tuple[float, np.ndarray]:
    """Value and gradient, the latter by the scaled unknowns."""
    value, gradient = function(point)
    return value, gradient * scale


def product(one: np.ndarray, other: np.ndarray) -> float:
    """Sum of the products of two arrays of one shape."""
    return float(np.vdot(one, other))


def inverse_times(slope: np.ndarray, pairs: deque[tuple[np.ndarray, np.ndarray, float]]) -> np.ndarray:
    """The inverse of the estimated curvature times ``slope``: the two loops of L-BFGS."""
    result, shares = slope.copy(), []
    for moved, change, curvature in reversed(pairs):
        shares.append(product(moved, result) / curvature)
        result -= shares[-1] * change
    if pairs:
        _, change, curvature = pairs[-1]
        result *= curvature / product(change, change)
    for (moved, change, curvature), share in zip(pairs, reversed(shares), strict=True):
        result += (share - product(change, result) / curvature) * moved
    return result
