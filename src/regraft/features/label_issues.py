"""Labels that a classifier which has not seen them does not believe.

The rule is confident learning's (Northcutt et al., 2021, "Confident learning: estimating uncertainty in dataset
labels"): an image is doubted most where another class is as likely as it is for images that bear its name.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from regraft.data.images import KEPT, Fault
from regraft.data.split import folds_of, subsample, units_of
from regraft.features.features import Features
from regraft.features.probe import calibrated, calibration, held_out
from regraft.features.threads import one_thread
from regraft.metrics import softmax
from regraft.network.cuts import Cut

LAST = 4  # cuts, of which the narrowest are joined
MOST_CHANNELS = 1_024  # together: with wider ones fewer wrong labels are found
FOLDS = 10  # each image is judged by what the others' tell
LEARNED = 5_000  # images that are learned from, at most
AT_ONCE = 100_000  # images judged at once, beside those that are learned from: half a gigabyte
RARE = 10  # times the images of a rare class that the largest has
FEWEST_LISTED, SHARE_LISTED = 20, 0.02  # of the images; a list that a person can go through


@dataclass(frozen=True)
class LabelIssue:
    """An image (its row) whose label is not believed."""

    row: int
    label: int  # what looks more likely
    probability: float  # of that
    own: float  # probability of the label that it has


def find_label_issues(features: Features, seed: int, most: int | None = None) -> tuple[LabelIssue, ...]:
    """The least believed labels first: judged by linear probes on late cuts that have not seen the image.

    At most ``most``, or as many as a person can go through. A label that a person has looked at is believed.
    """
    probabilities, labels = probe_probabilities(features, seed), features.labels
    if probabilities is None:
        return ()
    most = max(FEWEST_LISTED, round(SHARE_LISTED * len(labels))) if most is None else most
    return tuple(islice(issues_among(features, probabilities), most))


def issues_among(features: Features, probabilities: np.ndarray) -> Iterator[LabelIssue]:
    """All doubted labels, the least believed first, but for those that a person has looked at."""
    were = features.images.files.were
    return (issue for issue in issues_in(probabilities, features.labels) if were[issue.row] is None)


def probe_probabilities(features: Features, seed: int) -> np.ndarray | None:
    """What probes that have not seen an image make of it: (images, classes); None where all images are one unit."""
    labels, pixels, classes = features.labels, features.pixels, len(features.images.classes)
    units = units_of(pixels, features.images.files.groups)
    folds = folds_of(labels, pixels, seed + 1, units, FOLDS)
    if len(np.unique(folds)) == 1:
        return None
    cuts = narrow_and_late(features.network_cuts)
    return held_out_probabilities(lambda rows: features.pooled(cuts, rows), labels, classes, folds)


def narrow_and_late(cuts: Sequence[Cut]) -> list[Cut]:
    """The narrowest of the last cuts that have MOST_CHANNELS together, of equals the later ones; one at least."""
    chosen: list[Cut] = []
    for cut in sorted(cuts[: -LAST - 1 : -1], key=lambda cut: cut.channels):
        if not chosen or sum(other.channels for other in chosen) + cut.channels <= MOST_CHANNELS:
            chosen.append(cut)
    return [cut for cut in cuts if cut in chosen]


def held_out_probabilities(
    features: Callable[[np.ndarray], np.ndarray], labels: np.ndarray, classes: int, folds: np.ndarray
) -> np.ndarray:
    """Probabilities (images, classes) by probes on features (rows, channels) that have not seen the image's fold.

    ``features``: those of some rows. All learn from the same images, and AT_ONCE at most are judged at once.
    """
    learned, logits = subsample(labels, LEARNED), np.zeros((len(labels), classes), np.float32)
    for start in range(0, len(labels), AT_ONCE):
        judged = np.arange(start, min(start + AT_ONCE, len(labels)))
        rows = np.union1d(judged, learned)
        with one_thread():
            own = held_out(features(rows), labels[rows], classes, folds[rows], np.isin(rows, learned))
        logits[judged] = own[np.isin(rows, judged)]
    if len(labels) <= AT_ONCE:
        return softmax(calibrated(logits, labels))
    some = subsample(labels, AT_ONCE)
    factor = np.float32(calibration(logits[some], labels[some]))
    for start in range(0, len(labels), AT_ONCE):
        logits[start : start + AT_ONCE] = softmax(factor * logits[start : start + AT_ONCE])
    return logits


def doubted_labels(probabilities: np.ndarray, labels: np.ndarray) -> list[LabelIssue]:
    """The same as issues_in, all at once."""
    return list(issues_in(probabilities, labels))


def issues_in(probabilities: np.ndarray, labels: np.ndarray) -> Iterator[LabelIssue]:
    """Images (of (images, classes) and (images,)) that look more like another class.

    Those that confident learning puts there come first, then those that are merely taken for it; by the margin of
    the other class over the label within both. A label is left alone where the classifier does not know both classes.
    """
    each = np.arange(len(labels))
    own = probabilities[each, labels]
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    usual = np.bincount(labels, weights=own, minlength=probabilities.shape[1]) / np.maximum(counts, 1)
    others = probabilities.copy()
    others[each, labels] = -1.0
    confident = np.where((others >= usual) & (counts > 0), others, -1.0)
    sure = confident.max(axis=1) > own
    other = np.where(sure, confident.argmax(axis=1), others.argmax(axis=1))
    likely = probabilities[each, other]
    known = known_classes(probabilities, labels)
    doubted = np.flatnonzero((likely > own) & known[labels] & known[other])
    order = np.lexsort((own - likely, ~sure))
    worst = order[np.isin(order, doubted)]
    return (LabelIssue(int(row), int(other[row]), float(likely[row]), float(own[row])) for row in worst)


def known_classes(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which classes (classes,) the classifier knows well enough to doubt a label: bool.

    It recognises one of its images or more, and of a rare class half of them: else most right labels were doubted.
    """
    classes = probabilities.shape[1]
    images = np.bincount(labels, minlength=classes)
    recognised = np.bincount(labels[probabilities.argmax(axis=1) == labels], minlength=classes)
    rare = RARE * images <= images.max()
    return np.asarray((recognised > 0) & (~rare | (2 * recognised >= images)))


def label_issue_faults(features: Features, issues: Sequence[LabelIssue]) -> Iterator[Fault]:
    """The label issues as faults, in their order."""
    files, classes = features.images.files, features.images.classes
    for issue in issues:
        file = files[issue.row]
        reason = f"labelled '{classes[file.label]}', looks like '{classes[issue.label]}' ({issue.probability:.0%})"
        yield Fault(file.name, "label issue", reason, KEPT)
