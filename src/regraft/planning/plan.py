"""Size x similarity -> the case, the strategy, the cut, the reasons and the costs. Pure: no image, no network."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from regraft.data.images import Fault
from regraft.errors import RecipeError
from regraft.planning.cases import case_of
from regraft.planning.costs import Choice, Cost, NetworkSize, competing_epochs, costs_of, training_seconds
from regraft.planning.defaults import settings_shown
from regraft.planning.reasons import details_of, headline_of, reasons_for, rivals_in_words
from regraft.planning.size import Size
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.similarity.measure import Similarity
from regraft.visible import Shown


@dataclass(frozen=True, repr=False)
class Plan(Shown):
    """What to do, and why."""

    case: str
    strategy: str
    cut: str | None  # None for fine-tune and from-scratch, unless one was asked for
    cuts: tuple[str, ...]  # whose features the head takes, the last of them ``cut``
    size: Size
    similarity: Similarity
    similar_from: float
    headline: str  # the verdict in words
    reasons: tuple[str, ...]  # the deciding ones
    details: tuple[str, ...]  # what else is known
    costs: tuple[Cost, ...]  # of every strategy
    competing_epochs: int | None = None  # of fine-tuning beside a frozen strategy; None where it does not compete
    settings: Mapping[str, Any] = field(default_factory=dict)  # that matter to the strategy
    faults: tuple[Fault, ...] = ()  # what is odd about the images, where that was looked for
    notes: tuple[str, ...] = ()  # how the images and the weights were read
    images_through_backbone: int = 0  # in this call
    images_planned_on: int = 0  # all, or a sample of a large set

    @property
    def verdict(self) -> str:
        """Similar or different."""
        return verdict_of(self.similarity, self.similar_from)

    def in_lines(self) -> Iterator[str]:
        """The verdict, and the first reasons."""
        yield self.headline
        yield from self.reasons[:2]

    def as_dict(self) -> dict[str, Any]:
        """What ``plan --json`` prints."""
        similarity, score = self.similarity, self.similarity.score
        return {
            "case": self.case,
            "strategy": self.strategy,
            "cut": self.cut,
            "cuts": list(self.cuts),
            "competing_epochs": self.competing_epochs,
            "early_cut": similarity.best_early_cut,
            "size": self.size.as_dict(),
            "similarity": {
                "score": score.value,
                "interval": [score.low, score.high],
                "margin": score.margin,
                "threshold": self.similar_from,
                "verdict": self.verdict,
                "decided_by": score.decided_by,
                "evidence": asdict(similarity.evidence),
                "images_judged": similarity.judged,
                "confidence": asdict(similarity.confidence) if similarity.confidence else None,
                "images": len(similarity.rows),
                "chance": similarity.chance,
                "profile": [asdict(point) for point in similarity.profile],
            },
            "headline": self.headline,
            "reasons": list(self.reasons),
            "details": list(self.details),
            "notes": list(self.notes),
            "settings": dict(self.settings),
            "strategies": [asdict(cost) for cost in self.costs],
            "faults": [asdict(fault) for fault in self.faults],
            "images_through_backbone": self.images_through_backbone,
            "images_planned_on": self.images_planned_on,
        }


def make_plan(
    size: Size, similarity: Similarity, recipe: Recipe, network: NetworkSize, sides: tuple[int, int], images: int
) -> Plan:
    """Decide, explain and count.

    ``network``: its cuts among others, in which the recipe's are. ``sides``: pixels of the images' short side,
    usually, and of the network's input. ``images``: all that there are, of any part. Raises RecipeError where the
    recipe asks for a strategy and a cut that do not go together.
    """
    planning = recipe.planning
    verdict = verdict_of(similarity, planning.similar_from)
    case = case_of(size.verdict, verdict)
    strategy = strategy_of(recipe, network, case.strategy)
    cuts = cuts_for(strategy, similarity, recipe, network)
    choice = Choice(size, similarity, verdict, strategy, cuts)
    beside = competing_epochs(strategy, network, recipe, size.images)
    rivals = rivals_in_words(strategy, recipe, beside and training_seconds(network, beside, size.images), beside)
    return Plan(
        case=case.name,
        strategy=strategy,
        cut=cuts[-1] if cuts else None,
        cuts=cuts,
        size=size,
        similarity=similarity,
        similar_from=planning.similar_from,
        headline=headline_of(choice, case.strategy, recipe.network.continue_from),
        reasons=(*reasons_for(choice, planning.similar_from), *rivals),
        details=tuple(details_of(choice, *sides)),
        costs=costs_of(choice, network, recipe, images),
        competing_epochs=beside,
        settings=settings_shown(recipe, strategy, size.images, size.verdict == "large"),
    )


def verdict_of(similarity: Similarity, similar_from: float) -> str:
    """Similar or different."""
    return "similar" if similarity.score.value >= similar_from else "different"


def strategy_of(recipe: Recipe, network: NetworkSize, ruled: str) -> str:
    """The recipe's strategy, the one that its cuts imply, which joined ones do of a frozen network, or the rule's."""
    planning = recipe.planning
    if planning.strategy and not (planning.cuts and planning.strategy in FROZEN_STRATEGIES):
        return planning.strategy
    if recipe.network.continue_from is not None:
        frozen = (planning.strategy or ruled) in FROZEN_STRATEGIES
        return "head" if frozen else "fine-tune"
    if named := planning.cuts or (planning.cut and (planning.cut,)):
        return "head" if network.cuts[-1] in named else "early-layers"
    return ruled


def cuts_for(strategy: str, similarity: Similarity, recipe: Recipe, network: NetworkSize) -> tuple[str, ...]:
    """Whose features the head takes: the recipe's cuts, the last one, or the profile's among the earlier ones."""
    planning, last = recipe.planning, network.cuts[-1]
    if strategy not in FROZEN_STRATEGIES:
        named = {*planning.cuts, planning.cut} if strategy == "fine-tune" else set()
        return tuple(name for name in network.cuts if name in named)
    if planning.cuts:
        return tuple(name for name in network.cuts if name in planning.cuts)
    if strategy == "early-layers":
        return (planning.cut or similarity.best_early_cut,)
    if planning.cut not in {None, last}:
        raise RecipeError(
            f"--strategy head keeps the whole network, but --cut is {planning.cut}; use --strategy early-layers"
        )
    return (last,)
