"""How far the target data lies from what the network was trained on: the depth profile and the score.

Nearly every network of timm and torchvision was trained on photographs, so one judge serves them all: the domain
classifier on the embedded network. Only where the source is something else (a finished run as backbone, the untrained
demonstration network, weights with a statistics file) do the gain from depth and the shift decide.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from regraft.data.images import ImageSet
from regraft.data.split import subsample
from regraft.features.extract import extract_known
from regraft.features.features import Features
from regraft.network.backbone import Backbone
from regraft.network.load import embedded, is_run
from regraft.progress import Progress, silent
from regraft.recipe import DEMONSTRATION, Recipe
from regraft.similarity.depth_profile import ProfilePoint, earliest_good, probe_every_cut, profile_of
from regraft.similarity.domain_classifier import TENTHS, Opinion, shipped
from regraft.similarity.groups import GROUPS, Measured, group_of
from regraft.similarity.score import Evidence, Score, gain_of, score
from regraft.similarity.shift import relative_shift
from regraft.similarity.statistics import Statistics

PROFILE_IMAGES = 4_000  # at most so many images make the profile
JUDGED_IMAGES = 2_000  # at most so many are shown to the judge
CONFUSED = 2.0  # standard errors above the largest class that some probe must reach


@dataclass(frozen=True)
class Confidence:
    """What the source's own classifier says of the images; for information."""

    entropy: float  # mean, in nats
    most: float  # the entropy of knowing nothing, in nats
    energy: float  # mean, in nats (Liu et al., 2020): the lower, the more familiar
    nearest: Mapping[str, tuple[str, ...]]  # for each target class the source classes it is taken for most


@dataclass(frozen=True)
class Similarity:
    """The profile, and the score with its evidence."""

    profile: tuple[ProfilePoint, ...]
    best_early_cut: str  # of the cuts before the last, the earliest within one paired standard error of their best
    evidence: Evidence
    score: Score
    rows: np.ndarray  # of the images that made the profile
    best_hits: np.ndarray  # which of them the most accurate cut's probe got right, bool
    chance: float  # accuracy of always naming the largest class
    judged: int  # images that were shown to the judge; 0 where it was not asked
    confidence: Confidence | None = None  # None where the source's classifier is not there

    @property
    def labels_say_nothing(self) -> bool:
        """Whether no probe does better than always naming the largest class, beyond noise."""
        error = math.sqrt(self.chance * (1 - self.chance) / len(self.rows))
        return float(self.best_hits.mean()) < self.chance + CONFUSED * error


def measure_similarity(
    features: Features,
    rows: np.ndarray,
    folds: np.ndarray,
    backbone: Backbone,
    statistics: Statistics | None = None,
    recipe: Recipe = Recipe(),
    progress: Progress = silent,
) -> Similarity:
    """Profile and score of the images ``rows`` with their ``folds``, as ``backbone`` saw them.

    ``statistics``: of the backbone's source data, where ``regraft reference`` made some.
    """
    opinion, judged = None, np.array([], dtype=np.int64)
    if statistics is None and trained_on_photographs(backbone):
        judged = rows[np.isin(rows, judged_rows(features.images))]
        judged = judged if len(judged) else rows[:JUDGED_IMAGES]
        opinion = ask_the_judge(features, judged, backbone, recipe, progress)
    chosen = subsample(features.labels[rows], PROFILE_IMAGES)
    rows, folds = rows[chosen], folds[chosen]
    hits = probe_every_cut(features, rows, folds, progress)
    shift = relative_shift(features, rows, statistics, backbone.preprocessing.size) if statistics else None
    evidence = evidence_of(hits, shift.value if shift else None, opinion.value if opinion else None)
    without_sets = without_tenths(evidence, opinion)
    return Similarity(
        profile=profile_of(features, hits),
        best_early_cut=features.cuts[earliest_good(hits[:-1] or hits)].name,
        evidence=evidence,
        score=score(evidence, without_groups(hits, shift, opinion), without_sets, len(judged) or len(rows)),
        rows=rows,
        best_hits=max(hits, key=lambda own: own.mean()),
        chance=float(np.bincount(features.labels[rows]).max() / len(rows)),
        judged=len(judged),
        confidence=confidence_of(features, rows, backbone.source_classes),
    )


def trained_on_photographs(backbone: Backbone) -> bool:
    """Whether the backbone is one of those that photographs were shown to, as far as its name tells."""
    return backbone.name != DEMONSTRATION and not is_run(backbone.name)


def judge_for(backbone: Backbone, statistics: Statistics | None) -> Backbone | None:
    """The embedded network, where it is to look at the images beside ``backbone``."""
    unwanted = statistics is not None or not trained_on_photographs(backbone) or is_judge(backbone)
    return None if unwanted else embedded()


def is_judge(backbone: Backbone) -> bool:
    """Whether it is the embedded network at its own size."""
    judge = embedded()
    return (backbone.name, backbone.preprocessing) == (judge.name, judge.preprocessing)


def judged_rows(images: ImageSet) -> np.ndarray:
    """The rows of images that are shown to the judge where they train: at most JUDGED_IMAGES of those that may."""
    splits = images.files.splits
    may_train = np.sort(np.concatenate([splits.rows_of(None), splits.rows_of("train")]))
    return np.asarray(may_train[subsample(images.labels[may_train], JUDGED_IMAGES)])


def ask_the_judge(
    features: Features, rows: np.ndarray, backbone: Backbone, recipe: Recipe, progress: Progress
) -> Opinion:
    """The domain classifier's opinion of the images ``rows``, which the embedded network looks at unless it has."""
    judge = embedded()
    seen, judged = features, rows
    if not is_judge(backbone):
        progress("Asking the judge", 0, 1)
        seen, judged = extract_known(features, rows, judge, recipe), np.arange(len(rows))
        progress("Asking the judge", 1, 1)
    return shipped().opinion_of(seen, judged, judge.preprocessing.size)


def evidence_of(hits: Sequence[np.ndarray], shift: float | None, opinion: float | None) -> Evidence:
    """The evidence from the hits at each cut, the relative shift and the judge's opinion."""
    return Evidence(gain_of(hits), None if shift is None else math.log(shift), opinion)


def without_groups(hits: Sequence[np.ndarray], shift: Measured | None, opinion: Measured | None) -> list[Evidence]:
    """The evidence with each group of images left out."""
    groups = group_of(len(hits[0]))
    left_out = []
    for group in range(GROUPS):
        rest = [own[groups != group] for own in hits] if len(hits[0]) > 1 else list(hits)
        values = (float(each.left_out[group]) if each else None for each in (shift, opinion))
        left_out.append(evidence_of(rest, *values))
    return left_out


def without_tenths(evidence: Evidence, opinion: Opinion | None) -> list[Evidence]:
    """The evidence with each tenth of the reference sets left out, on which only the judge's opinion hangs."""
    if opinion is None:
        return [evidence] * TENTHS
    return [replace(evidence, domain=float(word)) for word in opinion.without_sets]


def confidence_of(features: Features, rows: np.ndarray, names: Sequence[str]) -> Confidence | None:
    """The source classifier's mean entropy and energy, and what it takes each target class for."""
    figures = features.confidence(rows)
    if figures is None or not names:
        return None
    nearest, labels = features.nearest_source(rows), features.labels[rows]
    weights = 1 / np.arange(1, nearest.shape[1] + 1)  # the likeliest counts most
    taken: dict[str, tuple[str, ...]] = {}
    for label, target in enumerate(features.images.classes):
        ids = nearest[labels == label]
        votes = np.bincount(ids.ravel(), np.tile(weights, len(ids)), minlength=len(names))
        taken[target] = tuple(names[i] for i in np.argsort(-votes, kind="stable")[:3] if votes[i] > 0)
    entropy, energy = figures.mean(axis=0)
    return Confidence(float(entropy), math.log(len(names)), float(energy), taken)
