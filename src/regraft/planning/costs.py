"""What each strategy would train and cost on this machine, and why it is the plan's or is not. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from regraft.planning.defaults import batch_of, epochs_of
from regraft.planning.plan import Plan
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.similarity.measure import Similarity

TRAIN_PASSES = 6.0  # of the frozen pass, that one image costs in training; between 3 and 10 on networks tried
TRAIN_BYTES = 16  # a trained parameter: weight, gradient and two moments, in float32
PASS_BATCH = 64
KEPT = 4  # a pass without gradients keeps so much less of what a forward pass leaves behind


@dataclass(frozen=True)
class Network:
    """What the outlook needs of a network."""

    parameters: dict[str, int]  # from the input to each cut, by its name
    channels: dict[str, int]  # of each cut
    activations: int  # values that one image leaves behind in a forward pass
    rate: float | None  # images a second in the frozen pass on this machine; None where it is not known


def outlook(plan: Plan, network: Network, recipe: Recipe, images: int) -> list[dict[str, Any]]:
    """For each strategy: trained parameters, how many an image, seconds, bytes of memory, and what speaks for it."""
    rows = []
    last = list(network.channels)[-1]
    early = plan.cut if plan.strategy == "early-layers" and plan.cut else plan.similarity.best_early_cut
    for strategy, cuts in (("head", (last,)), ("early-layers", (early,)), ("fine-tune", ()), ("from-scratch", ())):
        chosen = strategy == plan.strategy
        trained = trained_parameters(strategy, plan.cuts if chosen and plan.cuts else cuts, network, plan.size.classes)
        rows.append(
            {
                "strategy": strategy,
                "chosen": chosen,
                "trained_parameters": trained,
                "trained_parameters_an_image": trained / max(1, plan.size.distinct),
                "seconds": seconds_of(strategy, network, recipe, images, plan.size.images),
                "memory_bytes": memory_of(strategy, trained, network, recipe, plan.size.images),
                "why": why(strategy, plan, trained / max(1, plan.size.distinct)),
            }
        )
    return rows


def trained_parameters(strategy: str, cuts: Sequence[str], network: Network, classes: int) -> int:
    """Parameters that the strategy trains, with a head of one layer."""
    last = list(network.channels)[-1]
    head = (sum(network.channels[cut] for cut in cuts or (last,)) + 1) * classes
    return head if strategy in FROZEN_STRATEGIES else head + network.parameters[last]


def seconds_of(strategy: str, network: Network, recipe: Recipe, images: int, train: int) -> float | None:
    """Seconds from nothing to a trained network, roughly: the pass over all images, and the epochs."""
    if network.rate is None:
        return None
    if strategy in FROZEN_STRATEGIES:
        return images / network.rate
    other = recipe.but(strategy=strategy, cut=None, cuts=(), unfreeze_from=None, views=0)
    epochs = epochs_of(other, train)
    return (images + TRAIN_PASSES * epochs * train) / network.rate


def memory_of(strategy: str, trained: int, network: Network, recipe: Recipe, train: int) -> int:
    """Bytes at the peak, roughly: parameters, and what one batch leaves behind."""
    last = list(network.channels)[-1]
    batch = batch_of(recipe, train)
    if strategy in FROZEN_STRATEGIES:
        return 4 * (network.parameters[last] + PASS_BATCH * network.activations // KEPT)
    return TRAIN_BYTES * trained + 4 * batch * network.activations


def why(strategy: str, plan: Plan, an_image: float) -> str:
    """What speaks for a strategy, or against it, on this data."""
    size, different = plan.size, plan.verdict == "different"
    many = f"{an_image:,.0f} trained parameters an image" if an_image >= 1 else f"{an_image:.2f} parameters an image"
    if strategy == "head":
        against = ": the last layers were made for other images" if different else ", and the last layers fit"
        return f"trains least ({many}){against}"
    if strategy == "early-layers":
        return f"{many}; {without_last_layers(plan.similarity, different)}"
    if strategy == "fine-tune":
        if size.verdict == "small":
            return f"{many}: with so few images overfitting is likely, so the rule keeps the layers frozen"
        return f"{many}: enough images to adapt every layer, from a start that already sees"
    return f"{many}, and nothing to start from; a fallback where the pre-trained start fails"


def without_last_layers(found: Similarity, different: bool) -> str:
    """What the probes say of leaving out the layers after the early cut."""
    early = next(point for point in found.profile if point.cut == found.best_early_cut)
    help_much = early.behind_last > early.error
    if different:
        worth = f", though a probe gains {early.behind_last:.1%} by them: compare both" if help_much else ""
        return f"leaves out the layers that do not fit{worth}"
    if help_much:
        return f"gives away layers by which a probe gains {early.behind_last:.1%}"
    return f"a probe at {early.cut} does no worse than at the last cut: compare both"
