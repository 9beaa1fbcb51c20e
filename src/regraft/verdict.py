"""The score: the calibrated probability that the target data is like the source's, from three witnesses together.

They enter a logistic model that benchmarks/calibrate.py fits on reference sets. The profile's is the gain
from depth: how much lower the last cut's error is than the best in the network's first half, as a log ratio. The
shift's and the neighbour distance's are the logarithms of ratios to what is usual for the network, so that one model
serves all networks. Where the distance is not known, a model of the other two decides, and where neither is, the
gain alone.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

Z = 1.96  # standard errors on either side of the score, for a 95% interval

NAMES = ("profile", "shift", "distance")  # whose word each witness is
SMALL_ERROR = 0.03  # added to each: where probes are nearly perfect, their ratio says nothing


@dataclass(frozen=True)
class Witnesses:
    """What profile, shift and neighbour distance say."""

    gain: float  # log of the first half's smallest error over the last cut's
    log_shift: float | None  # log of the relative shift; None where that is not known
    log_distance: float | None = None  # log of the ratio of distances; None where that, or the shift, is not known

    @property
    def known(self) -> tuple[float, ...]:
        """Those that are known, in the order of NAMES."""
        values: list[float] = []
        for value in (self.gain, self.log_shift, self.log_distance):
            if value is None:
                break
            values.append(value)
        return tuple(values)


@dataclass(frozen=True)
class Score:
    """The score, how sure it is, and what moved it."""

    value: float  # 0..1
    low: float  # ends of the 95% interval
    high: float
    moved: tuple[float, ...]  # what each known witness adds to the log odds, against the reference sets' mean

    @property
    def margin(self) -> float:
        """How far the score may be off: the distance to the end of the interval that lies further from it."""
        return max(self.value - self.low, self.high - self.value)

    @property
    def decided_by(self) -> str:
        """The one of NAMES that moved the score most."""
        return NAMES[int(np.argmax(np.abs(self.moved)))]


def gain_of(right: Sequence[np.ndarray]) -> float:
    """The profile's witness from the hits at each cut, each (images,) bool."""
    images = len(right[0])
    errors = [1 - (float(hit.sum()) + 0.5) / (images + 1) + SMALL_ERROR for hit in right]
    return math.log(min(errors[: (len(errors) + 1) // 2]) / errors[-1])


@cache
def calibration() -> dict[str, Any]:
    """What benchmarks/calibrate.py wrote.

    The models of the gain, of gain and shift, and of all three; how far each witness from few images lies from that
    of many, beyond its error and times the root of how few; the reference sets.
    """
    found: dict[str, Any] = json.loads((files("regraft") / "calibration.json").read_text())
    return found


def references_for(backbone: str) -> list[dict[str, Any]]:
    """The reference sets with their scores, as that backbone sees them, else as the first one does."""
    sets: list[dict[str, Any]] = calibration()["sets"]
    own = [row for row in sets if row["backbone"] == backbone]
    return own or [row for row in sets if row["backbone"] == sets[0]["backbone"]]


def log_odds(found: Witnesses, model: Sequence[float]) -> float:
    """The log odds of similar; ``model``: an offset, and a weight for each known witness."""
    return model[0] + float(np.dot(model[1:], found.known))


def score(found: Witnesses, left_out: Sequence[Witnesses], images: int) -> Score:
    """The score of ``found`` in so many images; ``left_out``: the same witnesses with each group of them left out.

    The interval joins two jackknifes (Efron and Stein, 1981), over groups of images and over the reference sets, and
    what thinning the reference sets did to their witnesses.
    """
    kept = calibration()["models"][len(found.known) - 1]
    model, thinned = kept["model"], calibration()["thinned"]
    centre = log_odds(found, model)
    over_images = jackknife([log_odds(each, model) for each in left_out])
    over_sets = jackknife([log_odds(found, each) for each in kept["left_out"]])
    over_size = math.hypot(*(w * apart for w, apart in zip(model[1:], thinned, strict=False))) / math.sqrt(images)
    reach = Z * math.hypot(over_images, over_sets, over_size)
    apart = np.subtract(found.known, kept["middle"])
    return Score(
        value=logistic(centre),
        low=logistic(centre - reach),
        high=logistic(centre + reach),
        moved=tuple(np.multiply(model[1:], apart).tolist()),
    )


def jackknife(values: Sequence[float]) -> float:
    """The standard error from a statistic's values with each part left out."""
    spread = np.asarray(values)
    return float(np.sqrt((len(spread) - 1) / len(spread) * np.square(spread - spread.mean()).sum()))


def logistic(x: float) -> float:
    """Log odds -> probability."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
