"""From probabilities to a class or none: under a least probability, and by thresholds chosen on held-out images."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from regraft.data.spelling import alike
from regraft.errors import RecipeError, RunError
from regraft.metrics.intervals import wilson
from regraft.runs.held_out import Judged, read_held_out

RECALL, PRECISION = "recall", "precision"
UNSURE = -1  # in place of a class
SURE_WORD, UNSURE_WORD = "sure", "unsure"  # where a least probability is asked for
BY_THRESHOLD, LIKELIEST, NO_CLASS = "threshold", "likeliest", "none"  # where thresholds alone are
SHOWN = 20  # classes in a message


@dataclass(frozen=True)
class Wish:
    """What is wanted of a class."""

    name: str
    figure: str  # RECALL or PRECISION
    share: float


@dataclass(frozen=True)
class Rule:
    """Which class is given; ``thresholds`` (by place) are for classes that are given from there on, and only there."""

    abstain_below: float = 0.0
    thresholds: Mapping[int, float] = field(default_factory=dict)

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """The classes (images,) of probabilities (images, classes), or UNSURE.

        Of several that reach their thresholds, the one that is furthest above its own; else the likeliest of those
        without one. Whichever it is, none where its probability is below ``abstain_below``.
        """
        others = probabilities.copy()
        others[:, list(self.thresholds)] = -1.0
        decided = others.argmax(axis=1)
        if self.thresholds:
            places, least = np.array(list(self.thresholds)), np.array(list(self.thresholds.values()))
            above = probabilities[:, places] / np.maximum(least, 1e-12)
            reached = probabilities[:, places] >= least
            best = np.where(reached, above, -1.0).argmax(axis=1)
            none = others.max(axis=1) < 0  # all classes have thresholds
            decided = np.where(reached.any(axis=1), places[best], np.where(none, UNSURE, decided))
        own = np.take_along_axis(probabilities, np.maximum(decided, 0)[:, None], axis=1)[:, 0]
        return np.where(own < self.abstain_below, UNSURE, decided)

    def word(self, place: int) -> str:
        """How a class, or none, came about: of a least probability whether it is reached, else by what it is given."""
        if self.abstain_below:
            return UNSURE_WORD if place == UNSURE else SURE_WORD
        if place == UNSURE:
            return NO_CLASS
        return BY_THRESHOLD if place in self.thresholds else LIKELIEST

    def as_dict(self) -> dict[str, object]:
        """Plain data."""
        thresholds = {str(place): least for place, least in self.thresholds.items()}
        return {"abstain_below": self.abstain_below, "thresholds": thresholds}


@dataclass(frozen=True)
class Wanted:
    """What a rule is to do, as the user says it."""

    abstain_below: float | None = None
    at_recall: Sequence[str] = ()  # CLASS=0.95
    at_precision: Sequence[str] = ()

    def rule(self, classes: Sequence[str], run: Path) -> "tuple[Rule | None, tuple[Expected, ...]]":
        """The rule for a run, or None where nothing is wanted; a RegraftError where it cannot be had."""
        least = self.abstain_below
        if least is not None and not 0 <= least <= 1:
            raise RecipeError(f"--abstain-below {least:g} is no probability; give one from 0 to 1")
        wishes = list(wishes_of(self.at_recall, self.at_precision, classes))
        if least is None and not wishes:
            return None, ()
        judged = read_held_out(run, len(classes)) if wishes else None
        return rule_of(wishes, least or 0.0, classes, judged)


@dataclass(frozen=True)
class Expected:
    """What a class's threshold gave on the held-out images that it was chosen on."""

    wish: Wish
    threshold: float
    found: int  # of the class that were given it
    of: int  # the class has
    given: int  # it, rightly or not
    taken: Mapping[str, int] = field(default_factory=dict)  # of the class, above the threshold, by who has them instead
    unsure: int = 0  # likewise, but for the least probability

    @property
    def share(self) -> float:
        """The figure that was wished for, as it came out; 0 where there is none."""
        whole = self.of if self.wish.figure == RECALL else self.given
        return self.found / whole if whole else 0.0

    @property
    def warning(self) -> str | None:
        """Why the wish is not expected to come true beside the others, and what to do; None where it is."""
        if self.share >= self.wish.share - 1e-9:
            return None
        name, figure, share = self.wish.name, self.wish.figure, f"{self.wish.share:.1%}"
        why = [f"the threshold of '{other}' takes {some:,}" for other, some in self.taken.items()]
        if self.unsure:
            why.append(f"--abstain-below leaves {self.unsure:,} without a class")
        return (
            f"'{name}': {figure} {share} was asked for, {self.share:.1%} is to be expected."
            f" Of its {self.of:,} images held out, {' and '.join(why)}."
            f" Give --at-{figure} {name}={self.wish.share:g} alone to have {share}"
        )

    def in_words(self) -> str:
        """Threshold, recall and precision with their 95% intervals."""
        recall, precision = in_percent(self.found, self.of), in_percent(self.found, self.given)
        return (
            f"'{self.wish.name}' from a probability of {self.threshold:.3f}: recall {recall} and precision {precision}"
            f" are to be expected, from {self.of:,} of its images held out"
        )


def in_percent(some: int, of: int) -> str:
    """A share with Wilson's interval."""
    if not of:
        return "unknown"
    low, high = wilson(some, of)
    return f"{some / of:.1%} ({low:.1%} to {high:.1%})"


def wishes_of(recall: Sequence[str], precision: Sequence[str], classes: Sequence[str]) -> Iterator[Wish]:
    """What was wanted as CLASS=0.95; RecipeError where that names no class or no share."""
    seen = set[str]()
    for figure, texts in ((RECALL, recall), (PRECISION, precision)):
        for text in texts:
            name, _, number = text.rpartition("=")
            share = share_of(number)
            if not name or share is None:
                raise RecipeError(f"--at-{figure} {text} is no class and share; write it as CLASS=0.95")
            spelt = name if name in classes else next((own for own in classes if alike(own) == alike(name)), None)
            if spelt is None:
                there = ", ".join(classes[:SHOWN])
                raise RecipeError(f"--at-{figure} names '{name}', which the run does not know; it knows {there}")
            if spelt in seen:
                raise RecipeError(f"'{spelt}' is given two thresholds; give it one --at-recall or --at-precision")
            seen.add(spelt)
            yield Wish(spelt, figure, share)


def share_of(text: str) -> float | None:
    """A share above 0 and up to 1."""
    try:
        share = float(text)
    except ValueError:
        return None
    return share if 0 < share <= 1 else None


def rule_of(
    wishes: Sequence[Wish], abstain_below: float, classes: Sequence[str], judged: Judged | None
) -> tuple[Rule, tuple[Expected, ...]]:
    """Thresholds by the held-out images, and what they gave there; RunError where a wish cannot be had."""
    if not wishes:
        return Rule(abstain_below), ()
    if judged is None:
        raise RunError("this run keeps no held-out probabilities to choose thresholds on; train it again")
    thresholds = {classes.index(wish.name): threshold_of(wish, classes.index(wish.name), judged) for wish in wishes}
    rule = Rule(abstain_below, thresholds)
    decided = rule.decide(judged.probabilities)
    return rule, tuple(expected_of(wish, rule, decided, classes, judged) for wish in wishes)


def expected_of(wish: Wish, rule: Rule, decided: np.ndarray, classes: Sequence[str], judged: Judged) -> Expected:
    """What a wish came to among the others, by what was decided of the held-out images."""
    place = classes.index(wish.name)
    least, own = rule.thresholds[place], judged.labels == place
    lost = Counter(decided[own & (judged.probabilities[:, place] >= least) & (decided != place)].tolist())
    unsure = lost.pop(UNSURE, 0)
    return Expected(
        wish,
        least,
        found=int((own & (decided == place)).sum()),
        of=int(own.sum()),
        given=int((decided == place).sum()),
        taken={classes[other]: some for other, some in lost.most_common()},
        unsure=unsure,
    )


def threshold_of(wish: Wish, place: int, judged: Judged) -> float:
    """The highest threshold with that recall, or the lowest with that precision."""
    own, true = judged.probabilities[:, place], judged.labels == place
    if not true.any():
        raise RunError(f"no held-out image is of '{wish.name}', so no threshold can be chosen for it")
    if wish.figure == RECALL:
        needed = int(np.ceil(wish.share * true.sum() - 1e-9))
        return float(np.sort(own[true])[::-1][needed - 1])
    values = np.unique(-own)
    order = np.argsort(-own, kind="stable")
    counts = np.searchsorted(-own[order], values, side="right")
    precision = true[order].cumsum()[counts - 1] / counts
    enough = np.flatnonzero(precision >= wish.share)
    if not len(enough):
        raise RunError(
            f"no threshold gives '{wish.name}' a precision of {wish.share:.0%}: held-out images reach"
            f" {precision.max():.1%} at most; ask for less"
        )
    return float(-values[enough[-1]])
