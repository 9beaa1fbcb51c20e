"""The four cases of transfer learning: size x similarity -> strategy."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One of the four, with the strategy that the rule gives it."""

    size: str  # small or large
    similarity: str  # similar or different
    strategy: str
    rule: str  # the strategy in a few words
    otherwise: str = ""  # the strategy where that one does not help

    @property
    def name(self) -> str:
        """As plan.json has it."""
        return f"{self.size}-{self.similarity}"

    @property
    def title(self) -> str:
        """As people read it."""
        return f"{self.size} and {self.similarity}"


CASES = (
    Case("small", "similar", "head", "new head, the rest frozen"),
    Case("large", "similar", "fine-tune", "new head, train everything"),
    Case("small", "different", "early-layers", "early layers frozen, new head"),
    Case("large", "different", "fine-tune", "train everything, or from scratch", "from-scratch"),
)
AMOUNTS = {"small": "Few", "large": "Many"}
LIKENESS = {"similar": "much like", "different": "unlike"}
MEANING = {
    "head": "keep the pre-trained network frozen, and train a new head",
    "early-layers": "keep the early layers frozen, and train a new head on them",
    "fine-tune": "put on a new head, and train every layer from the pre-trained weights",
    "from-scratch": "train every layer from random weights",
}


def in_words(case: str, run: str | None = None) -> str:
    """A case by its name, as a sentence begins; ``run``: the one gone on from, whose images are its network's own."""
    size, similarity = case.split("-")
    own = f"those of {run}" if run else "the network's own"
    return f"{AMOUNTS[size]} images, {LIKENESS[similarity]} {own}"


def case_of(size: str, similarity: str) -> Case:
    """The case of two verdicts."""
    return next(case for case in CASES if (case.size, case.similarity) == (size, similarity))


def strategy_by_rule(case: str) -> str:
    """The strategy that the rule gives a case, by its name."""
    return next(one.strategy for one in CASES if one.name == case)
