"""Size x similarity -> the case, the strategy, the cut and the reasons. Pure: no image, no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regraft.errors import BackboneError, RecipeError
from regraft.recipe import Recipe
from regraft.similarity import Similarity

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
NEAR = 2.0  # within this factor of --large-from the size is near the line


@dataclass(frozen=True)
class Size:
    """How much training data there is."""

    images: int
    classes: int
    smallest_class: int
    threshold: int

    @property
    def verdict(self) -> str:
        """Small or large."""
        return "large" if self.images >= self.threshold else "small"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "images": self.images,
            "classes": self.classes,
            "smallest_class": self.smallest_class,
            "threshold": self.threshold,
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
        return "similar" if self.similarity.score >= self.similar_from else "different"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        found = self.similarity
        return {
            "case": self.case,
            "strategy": self.strategy,
            "cut": self.cut,
            "cuts": list(self.cuts),
            "size": self.size.as_dict(),
            "similarity": {
                "score": found.score,
                "threshold": self.similar_from,
                "verdict": self.verdict,
                "shift": found.shift,
                "decided_by": "profile" if found.clear else "shift" if found.shift is not None else "default",
                "images": found.images,
                "chance": found.chance,
                "profile": [
                    {
                        "cut": point.cut,
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


def size_of(labels: np.ndarray, classes: int, threshold: int) -> Size:
    """Count the training labels (images,)."""
    return Size(len(labels), classes, int(np.bincount(labels, minlength=classes).min()), threshold)


def make_plan(size: Size, similarity: Similarity, recipe: Recipe, cuts: Sequence[tuple[str, ...]]) -> Plan:
    """Decide. ``cuts`` are the network's cuts from first to last, each with its aliases after its name.

    Raises RecipeError or BackboneError where the recipe asks for a strategy and a cut that do not go together.
    """
    verdict = "similar" if similarity.score >= recipe.similar_from else "different"
    case, ruled = CASES[size.verdict, verdict]
    strategy = recipe.strategy or ("head" if recipe.cuts else None)
    strategy = strategy or (strategy_for_cut(recipe.cut, cuts) if recipe.cut else ruled)
    joined = {resolve(name, cuts) for name in recipe.cuts}
    in_order = tuple(names[0] for names in cuts if names[0] in joined)
    cut = in_order[-1] if in_order else cut_for(strategy, similarity, recipe, cuts)
    reasons = [size_reason(size), profile_reason(similarity), shift_reason(similarity)]
    reasons += [f"Together the data counts as {size.verdict} and {verdict}: case {case}."]
    asked = strategy != ruled or recipe.cut is not None or bool(recipe.cuts)
    reasons += [f"{'You asked' if asked else 'The rule for this case is'} to {MEANING[strategy]}."]
    if cut and strategy == "early-layers":
        reasons += [cut_reason(cut, similarity)]
    if in_order:
        reasons += [f"The head takes the features of {len(in_order)} cuts joined: {', '.join(in_order)}."]
    taken = in_order or ((cut,) if cut else ())
    return Plan(case, strategy, cut, taken, size, similarity, recipe.similar_from, tuple(r for r in reasons if r))


def resolve(name: str, cuts: Sequence[tuple[str, ...]]) -> str:
    """A cut's name from its name or an alias."""
    for names in cuts:
        if name in names:
            return names[0]
    raise BackboneError(f"no cut '{name}' in this network; its cuts are {', '.join(names[0] for names in cuts)}")


def strategy_for_cut(cut: str, cuts: Sequence[tuple[str, ...]]) -> str:
    """The frozen strategy that slices at ``cut``."""
    return "head" if resolve(cut, cuts) == cuts[-1][0] else "early-layers"


def cut_for(strategy: str, similarity: Similarity, recipe: Recipe, cuts: Sequence[tuple[str, ...]]) -> str | None:
    """Where to slice for ``strategy``: the recipe's cut, the last one, or the profile's among the earlier ones."""
    if strategy not in {"head", "early-layers"}:
        return None
    last = cuts[-1][0]
    wanted = resolve(recipe.cut, cuts) if recipe.cut else None
    if strategy == "head":
        if wanted not in {None, last}:
            raise RecipeError(
                f"--strategy head keeps the whole network, but --cut is {wanted}; use --strategy early-layers"
            )
        return last
    return wanted or similarity.best_early_cut


def size_reason(size: Size) -> str:
    """The size in a sentence."""
    reach = "reach" if size.verdict == "large" else "are fewer than"
    text = (
        f"{size.images:,} training images in {size.classes} classes (the smallest has {size.smallest_class:,}) "
        f"{reach} the {size.threshold:,} from which data counts as large"
    )
    near = size.threshold / NEAR <= size.images < size.threshold * NEAR
    return text + (", but lie near that line: a comparison of strategies is worth its time." if near else ".")


def profile_reason(found: Similarity) -> str:
    """The depth profile in a sentence."""
    last = found.profile[-1]
    if len(found.profile) == 1:
        return "The network has one cut only, so there is no depth profile."
    rival = max(found.profile[:-1], key=lambda point: point.accuracy)
    sizes = f"{last.accuracy:.1%} at {last.cut} (the last) against {rival.accuracy:.1%} at {rival.cut}"
    margin = f"{abs(rival.behind_last):.1%} apart with a paired standard error of {rival.error:.1%}"
    if not found.clear:
        return f"The depth profile is flat: a linear probe gets {sizes}, {margin}."
    ahead = "all of its layers help" if rival.behind_last > 0 else "its last layers hurt"
    return f"The depth profile is clear: a linear probe gets {sizes}, {margin}; {ahead} on these images."


def shift_reason(found: Similarity) -> str:
    """The shift in a sentence."""
    if found.shift is None:
        return "No source statistics are known for this network, so the verdict rests on the depth profile alone."
    role = (
        "is shown for information, since the profile decides" if found.clear else "decides, since the profile is flat"
    )
    return f"The activations lie {found.shift:.2f} nats a channel from the source's (0 is no shift), which {role}."


def cut_reason(cut: str, found: Similarity) -> str:
    """Why this cut."""
    point = next((point for point in found.profile if point.cut == cut), None)
    if point is None:
        return ""
    best = max(found.profile, key=lambda other: other.accuracy)
    return f"Cut at {cut}: its probe gets {point.accuracy:.1%}; the best cut, {best.cut}, gets {best.accuracy:.1%}."
