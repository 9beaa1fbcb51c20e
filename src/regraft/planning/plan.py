"""Size x similarity -> the case, the strategy, the cut and the reasons. Pure: no image, no network."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from regraft.errors import RecipeError
from regraft.network.source import SMALLEST
from regraft.recipe import Recipe
from regraft.similarity.measure import Similarity

CASES = {
    ("small", "similar"): ("small-similar", "head"),
    ("small", "different"): ("small-different", "early-layers"),
    ("large", "similar"): ("large-similar", "fine-tune"),
    ("large", "different"): ("large-different", "fine-tune"),
}
MEANING = {
    "head": "keep the whole pre-trained network but its classifier, frozen, and train a new head on it",
    "early-layers": "keep only the layers near the input, frozen, and train a new head on them",
    "fine-tune": "replace the classifier and train every layer, starting from the pre-trained weights",
    "from-scratch": "train every layer from random weights",
}
MOVERS = {
    "profile": "gain from depth",
    "shift": "shift",
    "distance": "distance to the nearest source images",
    "likeness": "likeness to the reference sets",
}
CLASSES_SHOWN = 4  # of the target, with the source classes that they resemble
NEAR = 2.0  # within this factor of --large-from the size is near the line
BLOWN_UP = 2  # times, from which images are said to be
SMALLEST_INPUT = 32  # pixels a side that is proposed, and the step between others


@dataclass(frozen=True)
class Size:
    """How much training data there is."""

    images: int
    classes: int
    smallest_class: int
    threshold: int
    distinct: int  # images with different pixels: the effective size

    @property
    def verdict(self) -> str:
        """Small or large, by the images that are not copies of others."""
        return "large" if self.distinct >= self.threshold else "small"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "images": self.images,
            "classes": self.classes,
            "smallest_class": self.smallest_class,
            "threshold": self.threshold,
            "distinct": self.distinct,
            "times_threshold": self.distinct / self.threshold,
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class Plan:
    """What to do, and why."""

    case: str
    strategy: str
    cut: str | None  # None for fine-tune and from-scratch
    cuts: tuple[str, ...]  # whose features the head takes, the last of them ``cut``
    size: Size
    similarity: Similarity
    similar_from: float
    reasons: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """Similar or different."""
        return "similar" if self.similarity.score.value >= self.similar_from else "different"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        found = self.similarity
        return {
            "case": self.case,
            "strategy": self.strategy,
            "cut": self.cut,
            "cuts": list(self.cuts),
            "early_cut": self.similarity.best_early_cut,
            "size": self.size.as_dict(),
            "similarity": {
                "score": found.score.value,
                "interval": [found.score.low, found.score.high],
                "margin": found.score.margin,
                "threshold": self.similar_from,
                "verdict": self.verdict,
                "shift": found.shift,
                "relative_shift": found.relative_shift,
                "neighbour_distance": found.distance,
                "likeness": found.likeness,
                "source_shrunk_to": found.shrunk_to,
                "decided_by": found.score.decided_by,
                "confidence": asdict(found.confidence) if found.confidence else None,
                "images": len(found.rows),
                "chance": found.chance,
                "profile": [
                    {
                        "cut": point.cut,
                        "stride": point.stride,
                        "accuracy": point.accuracy,
                        "behind_last": point.behind_last,
                        "standard_error": point.error,
                        "shift": point.shift,
                    }
                    for point in found.profile
                ],
            },
            "reasons": list(self.reasons),
        }


def size_of(labels: np.ndarray, classes: int, threshold: int, distinct: int | None = None) -> Size:
    """Count the training labels (images,); ``distinct`` of the images have pixels of their own (None: all)."""
    smallest = int(np.bincount(labels, minlength=classes).min())
    return Size(len(labels), classes, smallest, threshold, len(labels) if distinct is None else distinct)


def make_plan(
    size: Size,
    similarity: Similarity,
    recipe: Recipe,
    cuts: Sequence[str],
    sides: tuple[int, int] | None = None,
) -> Plan:
    """Decide. ``cuts`` names the network's cuts from first to last; the recipe's are among them.

    ``sides``, in pixels: the short side of the images, usually, and of the network's input.
    Raises RecipeError where the recipe asks for a strategy and a cut that do not go together.
    """
    verdict = "similar" if similarity.score.value >= recipe.similar_from else "different"
    case, ruled = CASES[size.verdict, verdict]
    strategy = recipe.strategy or ("head" if recipe.cuts else None)
    strategy = strategy or (strategy_for_cut(recipe.cut, cuts[-1]) if recipe.cut else ruled)
    in_order = tuple(name for name in cuts if name in recipe.cuts)
    cut = in_order[-1] if in_order else cut_for(strategy, similarity, recipe, cuts[-1])
    reasons = [size_reason(size), profile_reason(similarity), shift_reason(similarity), likeness_reason(similarity)]
    reasons += [resolution_reason(*sides, similarity.shrunk_to)] if sides else []
    reasons += [score_reason(similarity, recipe.similar_from), confidence_reason(similarity), label_reason(similarity)]
    reasons += [f"Together the data counts as {size.verdict} and {verdict}: case {case}."]
    asked = strategy != ruled or recipe.cut is not None or bool(recipe.cuts)
    reasons += [f"{'You asked' if asked else 'The rule for this case is'} to {MEANING[strategy]}."]
    if cut and strategy == "early-layers":
        reasons += [cut_reason(cut, similarity)]
    if in_order:
        reasons += [f"The head takes the features of {len(in_order)} cuts joined: {', '.join(in_order)}."]
    taken = in_order or ((cut,) if cut else ())
    return Plan(case, strategy, cut, taken, size, similarity, recipe.similar_from, tuple(r for r in reasons if r))


def strategy_for_cut(cut: str, last: str) -> str:
    """The frozen strategy that slices at ``cut``."""
    return "head" if cut == last else "early-layers"


def cut_for(strategy: str, similarity: Similarity, recipe: Recipe, last: str) -> str | None:
    """Where to slice for ``strategy``: the recipe's cut, the last one, or the profile's among the earlier ones."""
    if strategy not in {"head", "early-layers"}:
        return None
    if strategy == "head":
        if recipe.cut not in {None, last}:
            raise RecipeError(
                f"--strategy head keeps the whole network, but --cut is {recipe.cut}; use --strategy early-layers"
            )
        return last
    return recipe.cut or similarity.best_early_cut


def size_reason(size: Size) -> str:
    """The size in a sentence."""
    reach = "reach" if size.verdict == "large" else "are fewer than"
    text = (
        f"{size.images:,} training images in {size.classes} classes (the smallest has {size.smallest_class:,}) "
        f"{reach} the {size.threshold:,} from which data counts as large"
    )
    if size.distinct < size.images:
        text = text.replace(" classes (", f" classes, {size.distinct:,} of them different from all others (")
    near = size.threshold / NEAR <= size.distinct < size.threshold * NEAR
    return text + (", but lie near that line: a comparison of strategies is worth its time." if near else ".")


def profile_reason(found: Similarity) -> str:
    """The depth profile in a sentence."""
    last = found.profile[-1]
    if len(found.profile) == 1:
        return "The network has one cut only, so there is no depth profile."
    rival = max(found.profile[:-1], key=lambda point: point.accuracy)
    sizes = f"{last.accuracy:.1%} at {last.cut} (the last) against {rival.accuracy:.1%} at {rival.cut}"
    margin = f"{abs(rival.behind_last):.1%} apart with a paired standard error of {rival.error:.1%}"
    if abs(rival.behind_last) <= rival.error:
        return f"The depth profile is flat at its end: a linear probe gets {sizes}, {margin}."
    ahead = "the last layers help" if rival.behind_last > 0 else "the last layers hurt"
    return f"The depth profile is clear at its end: a linear probe gets {sizes}, {margin}; {ahead} on these images."


def shift_reason(found: Similarity) -> str:
    """Shift and distance in a sentence."""
    if found.relative_shift is None:
        return (
            "No source statistics are known for this network (`regraft reference` makes them), so the verdict rests on"
            " the depth profile alone."
        )
    text = (
        f"In the middle of the network the activations lie {found.relative_shift:.2f} times as far from the source's as"
        f" those of images shrunk to {SMALLEST} pixels do"
    )
    if found.distance is None:
        return f"{text}."
    return (
        f"{text}; half of the images lie {found.distance:.2f} times as far from the source images nearest to them as"
        " those do from each other, or farther."
    )


def likeness_reason(found: Similarity) -> str:
    """The likeness in a sentence."""
    if found.likeness is None:
        return ""
    return (
        f"A classifier of the reference sets, photographs as the source's against all else, gives {found.likeness:+.2f}"
        " in the mean (+1: as those photographs, -1: as the others)."
    )


def resolution_reason(images: int, network: int, shrunk_to: int | None) -> str:
    """What small images do to the shift, where they are blown up; ``shrunk_to``: pixels of the source images."""
    nearer = max(SMALLEST_INPUT, SMALLEST_INPUT * round(images / SMALLEST_INPUT))
    if images * BLOWN_UP > network or nearer >= network:
        return ""
    text = f"Half of the images are {images} pixels or less on their short side and blown up to {network}"
    if shrunk_to:
        text += f"; the shift is measured from source images shrunk to {shrunk_to}"
    else:
        text += ", which adds to the shift whatever they show"
    return f"{text}: compare --image-size {nearer}."


def score_reason(found: Similarity, line: float) -> str:
    """The score in a sentence."""
    score = found.score
    ends = f"± {score.margin:.2f} ({score.low:.2f} to {score.high:.2f})"
    text = f"Similarity {score.value:.2f} {ends}; similar from {line:.2f}"
    near = " The interval reaches across that line: compare strategies." if score.reaches_across(line) else ""
    moved = "moved it most" if len(score.moved) > 1 else "decides it"
    return f"{text}. The {MOVERS[score.decided_by]} {moved}.{near}"


def confidence_reason(found: Similarity) -> str:
    """What the source's classifier says, for information."""
    known = found.confidence
    if known is None:
        return ""
    first = [(target, names[:2]) for target, names in list(known.nearest.items())[:CLASSES_SHOWN]]
    shown = [f"`{target}` like {' or '.join(name.split(',')[0] for name in names)}" for target, names in first]
    return (
        f"For information: to the source's classifier your images look {'; '.join(shown)};"
        f" its entropy is {known.entropy:.1f} of at most {known.most:.1f} nats."
    )


def label_reason(found: Similarity) -> str:
    """A warning where the labels seem to have nothing to do with the images."""
    if not found.labels_say_nothing:
        return ""
    return (
        f"No cut's probe does better than always naming the largest class ({found.chance:.1%}): the labels look"
        " unrelated to the images. Check them before you trust any of this."
    )


def cut_reason(cut: str, found: Similarity) -> str:
    """Why this cut."""
    point = next((point for point in found.profile if point.cut == cut), None)
    if point is None:
        return ""
    best = max(found.profile, key=lambda other: other.accuracy)
    return f"Cut at {cut}: its probe gets {point.accuracy:.1%}; the best cut, {best.cut}, gets {best.accuracy:.1%}."
