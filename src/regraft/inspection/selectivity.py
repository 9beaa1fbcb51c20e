"""How selectively channels answer to classes, against labels that were shuffled."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

PERMUTATIONS = 999
NOMINATED = 3  # classes a channel that are tested
FEWEST = 2  # images of a class, and of others, that a figure is given for


@dataclass(frozen=True)
class Answer:
    """How a channel answers to one class."""

    label: int
    auroc: float  # chance that an image of the class excites the channel more than one of another class
    p: float  # share of permuted labels with an AUROC as high


@dataclass(frozen=True)
class Selectivity:
    """How a channel tells classes apart, by its mean activation over each image."""

    eta: float  # share of its variance that lies between classes (eta squared)
    p: float  # share of permuted labels with an eta as high
    answers: tuple[Answer, ...]  # to the classes that were nominated, which other images chose
    images: int  # that it was measured on

    def words(self, classes: tuple[str, ...]) -> str:
        """Plain sentences."""
        clear = [one for one in self.answers if one.p <= 0.05 and one.auroc > 0.5]  # noqa: PLR2004
        if not self.images:
            return "Too few images to measure its selectivity."
        said = ", ".join(f"{classes[one.label]} (AUROC {one.auroc:.2f}, p {one.p:.3f})" for one in clear)
        first = f"Answers to {said}." if said else "Answers to no class in particular."
        return f"{first} Classes explain {self.eta:.0%} of its strength (p {self.p:.3f}, {self.images} other images)."


def between(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Eta squared of each column of values (images, channels): variance between classes over all variance."""
    members = np.eye(classes, dtype=np.float32)[:, labels]  # (classes, images)
    return share_between(members @ values, members.sum(1), (values**2).sum(0))


def share_between(sums: np.ndarray, counts: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """The same from sums: (classes, channels), (classes,), and of squares (channels,); 0 where nothing varies."""
    sums, squares = sums.astype(np.float64), squares.astype(np.float64)
    mean_part = sums.sum(0) ** 2 / max(counts.sum(), 1)
    within_reach = (sums**2 / np.maximum(counts, 1)[:, None]).sum(0) - mean_part
    total = squares - mean_part
    varies = total > 1e-9 * np.maximum(squares, 1e-30)
    return np.where(varies, np.clip(within_reach / np.where(varies, total, 1), 0, 1), 0)


def selectivity_of(
    values: np.ndarray, labels: np.ndarray, nominated: tuple[int, ...], classes: int, seed: int = 0
) -> Selectivity:
    """A channel's selectivity from its mean activations (images,) and the images' labels."""
    values = values.astype(np.float64) - values.mean() if len(values) else values.astype(np.float64)
    present = np.bincount(labels, minlength=classes) if len(labels) else np.zeros(classes, int)
    nominated = tuple(one for one in nominated if min(present[one], len(labels) - present[one]) >= FEWEST)
    if (present >= FEWEST).sum() < 2:  # noqa: PLR2004
        return Selectivity(0.0, 1.0, (), 0)
    draw = np.random.default_rng(seed)
    shuffles = np.stack([labels, *(draw.permutation(labels) for _ in range(PERMUTATIONS))])
    ranks = rankdata(values)
    etas, areas = np.zeros(len(shuffles)), np.zeros((len(shuffles), len(nominated)))
    squares = (values**2).sum(keepdims=True)
    for row, shuffled in enumerate(shuffles):
        sums = np.bincount(shuffled, weights=values, minlength=classes)
        etas[row] = share_between(sums[:, None], present, squares)[0]
        totals = np.bincount(shuffled, weights=ranks, minlength=classes)
        for place, one in enumerate(nominated):
            own, others = present[one], len(labels) - present[one]
            areas[row, place] = (totals[one] - own * (own + 1) / 2) / (own * others)
    answers = tuple(
        Answer(one, float(areas[0, place]), at_least(areas[:, place])) for place, one in enumerate(nominated)
    )
    return Selectivity(float(etas[0]), at_least(etas), answers, len(labels))


def at_least(figures: np.ndarray) -> float:
    """The share of figures that reach the first, itself among them."""
    return float((figures >= figures[0] - 1e-12).mean())
