"""The score: the calibrated probability that the target data is like the source's, from several witnesses together.

They enter a logistic model that benchmarks/calibrate.py fits on reference sets. The profile's is the gain
from depth: how much lower the last cut's error is than the best in the network's first half, as a log ratio. The
shift's and the neighbour distance's are the logarithms of ratios to what is usual for the network, so that one model
serves all networks. The likeness is a classifier's, which only some networks have. There is a model for each choice
of witnesses that may be known, best first, and the gain alone is always known.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

Z = 1.96  # standard errors on either side of the score, for a 95% interval

SPOKESMEN = {"gain": "profile", "log_shift": "shift", "log_distance": "distance", "likeness": "likeness"}
NORMAL = 1.4826  # a normal distribution's standard deviation over its median absolute deviation
SMALL_ERROR = 0.03  # added to each: where probes are nearly perfect, their ratio says nothing


@dataclass(frozen=True)
class Witnesses:
    """What profile, shift, neighbour distance and classifier say; None where that is not known."""

    gain: float  # log of the first half's smallest error over the last cut's
    log_shift: float | None  # log of the relative shift
    log_distance: float | None = None  # log of the ratio of distances
    likeness: float | None = None  # as likeness.Likeness has it

    def know(self, names: Sequence[str]) -> bool:
        """Whether all of those named are known."""
        return None not in self.of(names)

    def of(self, names: Sequence[str]) -> list[Any]:
        """The values of those named."""
        return [getattr(self, name) for name in names]


@dataclass(frozen=True)
class Score:
    """The score, how sure it is, and what moved it."""

    value: float  # 0..1
    low: float  # ends of the 95% interval
    high: float
    moved: Mapping[str, float]  # what each witness of the model adds to the log odds, against the reference sets' mean

    @property
    def margin(self) -> float:
        """How far the score may be off: the distance to the end of the interval that lies further from it."""
        return max(self.value - self.low, self.high - self.value)

    def reaches_across(self, line: float) -> bool:
        """Whether the interval holds scores on both sides of the line."""
        return self.low < line <= self.high

    @property
    def decided_by(self) -> str:
        """Which of profile, shift, distance and likeness moved the score most."""
        return SPOKESMEN[max(self.moved, key=lambda name: abs(self.moved[name]))]


def gain_of(right: Sequence[np.ndarray]) -> float:
    """The profile's witness from the hits at each cut, each (images,) bool."""
    images = len(right[0])
    errors = [1 - (float(hit.sum()) + 0.5) / (images + 1) + SMALL_ERROR for hit in right]
    return math.log(min(errors[: (len(errors) + 1) // 2]) / errors[-1])


@cache
def calibration() -> dict[str, Any]:
    """What benchmarks/calibrate.py wrote.

    The models with the witnesses that each is of, best first, and each without a tenth of the sets; how far each
    witness from few images lies from that of many, beyond its error and times the root of how few; the reference sets.
    """
    found: dict[str, Any] = json.loads((files("regraft.similarity") / "calibration.json").read_text())
    return found


def references_for(backbone: str) -> list[dict[str, Any]]:
    """The reference sets with their scores, as that backbone sees them, else as the first one does."""
    sets: list[dict[str, Any]] = calibration()["sets"]
    own = [row for row in sets if row["backbone"] == backbone]
    return own or [row for row in sets if row["backbone"] == sets[0]["backbone"]]


def model_for(found: Witnesses) -> dict[str, Any]:
    """The first model whose witnesses are all known."""
    return next(model for model in calibration()["models"] if found.know(model["of"]))


def log_odds(values: Sequence[float], model: Sequence[float]) -> float:
    """The log odds of similar; ``model``: an offset, and a weight for each of the witnesses' ``values``."""
    return model[0] + float(np.dot(model[1:], values))


def score(
    found: Witnesses, without_images: Sequence[Witnesses], without_sets: Sequence[Witnesses], images: int
) -> Score:
    """The score of ``found`` in so many images.

    ``without_images``: the same witnesses with each group of the images left out; ``without_sets``: with each tenth of
    the reference sets left out. The interval joins two jackknifes (Efron and Stein, 1981), over those groups of images
    and over those tenths (a robust one where there is a likeness), and what thinning the reference sets did to their
    witnesses.
    """
    kept = model_for(found)
    names, model = kept["of"], kept["model"]
    values = found.of(names)
    thinned = [calibration()["thinned"][name] for name in names]
    centre = log_odds(values, model)
    over_images = jackknife([log_odds(each.of(names), model) for each in without_images])
    pairs = zip(without_sets, kept["left_out"], strict=True)
    spread = robust_jackknife if "likeness" in names else jackknife
    over_sets = spread([log_odds(each.of(names), other) for each, other in pairs])
    over_size = math.hypot(*np.multiply(model[1:], thinned)) / math.sqrt(images)
    reach = Z * math.hypot(over_images, over_sets, over_size)
    moved = np.multiply(model[1:], np.subtract(values, kept["middle"])).tolist()
    return Score(
        value=logistic(centre),
        low=logistic(centre - reach),
        high=logistic(centre + reach),
        moved=dict(zip(names, moved, strict=True)),
    )


def jackknife(values: Sequence[float]) -> float:
    """The standard error from a statistic's values with each part left out."""
    spread = np.asarray(values)
    return float(np.sqrt((len(spread) - 1) / len(spread) * np.square(spread - spread.mean()).sum()))


def robust_jackknife(values: Sequence[float]) -> float:
    """The same, with the median absolute deviation for the standard deviation (Rousseeuw and Croux, 1993).

    One part that the statistic hangs on does not count: a reference set much like the target moves the classifier far,
    and that there is one gives no reason for doubt.
    """
    spread = np.asarray(values)
    return float(NORMAL * np.median(np.abs(spread - np.median(spread))) * math.sqrt(len(spread) - 1))


def logistic(x: float) -> float:
    """Log odds -> probability."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
