"""The score: the calibrated probability that the target data is like the source's.

Logistic models on the evidence, fitted on reference sets (docs/decisions/007-score.md). Where the source is
photographs, the judge alone decides. Where it is something else, the gain from depth does (how much lower the last
cut's error is than the best in the network's first half, as a log ratio), with the log of the relative shift where
that is known.
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
NAMES = {"domain": "the domain classifier", "gain": "the gain from depth", "log_shift": "the shift"}
NORMAL = 1.4826  # a normal distribution's standard deviation over its median absolute deviation
SMALL_ERROR = 0.03  # added to each: where probes are nearly perfect, their ratio says nothing


@dataclass(frozen=True)
class Evidence:
    """What bears on the score; None where it is not known or does not count."""

    gain: float  # log of the first half's smallest error over the last cut's
    log_shift: float | None = None  # log of the relative shift
    domain: float | None = None  # the domain classifier's mean over the images

    def known(self, names: Sequence[str]) -> bool:
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
    moved: Mapping[str, float]  # what each evidence of the model adds to the log odds, against the reference sets' mean

    @property
    def margin(self) -> float:
        """How far the score may be off: the distance to the end of the interval that lies further from it."""
        return max(self.value - self.low, self.high - self.value)

    def reaches_across(self, line: float) -> bool:
        """Whether the interval holds scores on both sides of the line."""
        return self.low < line <= self.high

    @property
    def decided_by(self) -> str:
        """The evidence that moved the score most, in words."""
        return NAMES[max(self.moved, key=lambda name: abs(self.moved[name]))]


def gain_of(hits: Sequence[np.ndarray]) -> float:
    """The gain from depth from the hits at each cut, each (images,) bool."""
    images = len(hits[0])
    errors = [1 - (float(own.sum()) + 0.5) / (images + 1) + SMALL_ERROR for own in hits]
    return math.log(min(errors[: (len(errors) + 1) // 2]) / errors[-1])


@dataclass(frozen=True)
class Reference:
    """A set of images that the judge was calibrated on."""

    name: str
    similar: bool
    images: int
    score: float


@dataclass(frozen=True)
class Model:
    """A logistic model on some of the evidence."""

    of: tuple[str, ...]  # fields of Evidence
    weights: tuple[float, ...]  # an offset, then one for each
    left_out: tuple[tuple[float, ...], ...]  # the same, fitted without each tenth of the reference sets
    middle: tuple[float, ...]  # the evidence's mean over the reference sets
    thinned: tuple[float, ...]  # how far evidence from few images lies off, times the root of how few

    def log_odds(self, evidence: Evidence, weights: Sequence[float] = ()) -> float:
        """The log odds of similar; ``weights``: in place of the model's own."""
        offset, *slopes = weights or self.weights
        return offset + float(np.dot(slopes, evidence.of(self.of)))


@cache
def calibration() -> dict[str, Any]:
    """The package's file of models and reference sets."""
    content: dict[str, Any] = json.loads((files("regraft.similarity") / "calibration.json").read_text())
    return content


def references() -> list[Reference]:
    """The sets that the judge was calibrated on."""
    return [Reference(row["set"], row["similar"], row["images"], row["score"]) for row in calibration()["sets"]]


def model_for(evidence: Evidence) -> Model:
    """The first model, best first, whose evidence is all known."""
    fitted = next(model for model in calibration()["models"] if evidence.known(model["of"]))
    thinned = tuple(calibration()["thinned"][name] for name in fitted["of"])
    left_out = tuple(map(tuple, fitted["left_out"]))
    return Model(tuple(fitted["of"]), tuple(fitted["model"]), left_out, tuple(fitted["middle"]), thinned)


def score(
    evidence: Evidence, without_images: Sequence[Evidence], without_sets: Sequence[Evidence], images: int
) -> Score:
    """The score of the ``evidence`` in so many images.

    ``without_images``: the same with each group of the images left out; ``without_sets``: with each tenth of the
    reference sets left out. The interval joins two jackknifes (Efron and Stein, 1981), over those groups of images
    and over those tenths (a robust one for the judge), and what thinning the reference sets did to their evidence.
    """
    model = model_for(evidence)
    centre = model.log_odds(evidence)
    over_images = jackknife([model.log_odds(each) for each in without_images])
    pairs = zip(without_sets, model.left_out, strict=True)
    spread = robust_jackknife if "domain" in model.of else jackknife
    over_sets = spread([model.log_odds(each, weights) for each, weights in pairs])
    over_size = math.hypot(*np.multiply(model.weights[1:], model.thinned)) / math.sqrt(images)
    reach = Z * math.hypot(over_images, over_sets, over_size)
    moved = np.multiply(model.weights[1:], np.subtract(evidence.of(model.of), model.middle)).tolist()
    ends = logistic(centre - reach), logistic(centre + reach)
    return Score(logistic(centre), *ends, dict(zip(model.of, moved, strict=True)))


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
