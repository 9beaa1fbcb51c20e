"""Predictions against labels: figures with 95% intervals, baselines, comparisons."""

from regraft.metrics.baselines import baselines, of_length_one
from regraft.metrics.classification import ClassMetrics, Metrics, measure
from regraft.metrics.conformal import threshold_of
from regraft.metrics.intervals import paired, wilson
from regraft.metrics.probabilities import softmax
from regraft.metrics.summaries import summaries

__all__ = [
    "ClassMetrics",
    "Metrics",
    "baselines",
    "measure",
    "of_length_one",
    "paired",
    "softmax",
    "summaries",
    "threshold_of",
    "wilson",
]
