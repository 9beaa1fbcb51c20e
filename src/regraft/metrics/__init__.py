"""Predictions against labels: figures with 95% intervals, baselines, comparisons."""

from regraft.metrics.baselines import baselines, baselines_by, of_length_one
from regraft.metrics.classification import ClassMetrics, Metrics, measure
from regraft.metrics.conformal import threshold_of
from regraft.metrics.intervals import paired, wilson
from regraft.metrics.probabilities import softmax
from regraft.metrics.shares import interval_of_difference, interval_of_share
from regraft.metrics.slices import Slice, slices_of, worst_of
from regraft.metrics.summaries import summaries
from regraft.metrics.two_classes import TwoClasses

__all__ = [
    "ClassMetrics",
    "Metrics",
    "Slice",
    "TwoClasses",
    "baselines",
    "baselines_by",
    "interval_of_difference",
    "interval_of_share",
    "measure",
    "of_length_one",
    "paired",
    "slices_of",
    "softmax",
    "summaries",
    "threshold_of",
    "wilson",
    "worst_of",
]
