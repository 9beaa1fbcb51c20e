"""What the probabilities of a classifier are worth: all figures of one set of predictions."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from regraft.metrics.calibration import CalibrationError, calibration_error
from regraft.metrics.conformal import ConformalSets, conformal_sets
from regraft.metrics.means import mean_interval
from regraft.metrics.risk_coverage import RiskCoverage, risk_and_coverage
from regraft.metrics.scores import brier_scores, negative_log_likelihoods

MOST_BRIER = 2.0


@dataclass(frozen=True)
class Score:
    """A mean over images; less is better."""

    value: float
    interval: tuple[float, float] | None  # 95%; None where the images do not tell


@dataclass(frozen=True)
class ProbabilityFigures:
    """What probabilities are worth on labelled images."""

    negative_log_likelihood: Score  # nats
    brier: Score  # summed over the classes: 0 to 2
    calibration: CalibrationError | None  # None for a single image
    risk_coverage: RiskCoverage
    conformal: ConformalSets | None  # None where no held-out images gave a threshold

    def summary(self) -> dict[str, Any]:
        """The figures without the bins and the curve, as plain data."""
        figures = self.as_dict()
        if self.calibration:
            del figures["calibration"]["bins"]
        del figures["risk_coverage"]["kept"]
        return figures

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        figures: dict[str, Any] = listed(asdict(self))
        return figures


def probability_figures(
    probabilities: np.ndarray,
    labels: np.ndarray,
    seed: int,
    group_of: np.ndarray | None = None,
    threshold: float | None = None,
) -> ProbabilityFigures:
    """The figures of probabilities (images, classes) on labels (images,).

    ``group_of``: each image's group id; ``threshold``: of the conformal sets.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    sets = None if threshold is None else conformal_sets(probabilities, labels, threshold, group_of)
    return ProbabilityFigures(
        score_of(negative_log_likelihoods(probabilities, labels), group_of, np.inf),
        score_of(brier_scores(probabilities, labels), group_of, MOST_BRIER),
        calibration_error(confidence, right, group_of, seed),
        risk_and_coverage(confidence, right, group_of),
        sets,
    )


def listed(value: Any) -> Any:
    """Plain data with lists in place of tuples, as JSON has it."""
    if isinstance(value, dict):
        return {key: listed(one) for key, one in value.items()}
    return [listed(one) for one in value] if isinstance(value, tuple) else value


def score_of(values: np.ndarray, group_of: np.ndarray | None, most: float) -> Score:
    """The mean of the images' scores (images,), which lie between 0 and ``most``, with its interval."""
    ends = mean_interval(values, group_of)
    held = ends and (max(0.0, ends[0]), min(most, ends[1]))
    return Score(float(values.mean()), held)
