"""What each strategy would train and cost on this machine, and why it is the plan's or is not. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from regraft.network.engine import BATCH
from regraft.planning.defaults import batch_of, epochs_of
from regraft.planning.size import Size
from regraft.recipe import FROZEN_STRATEGIES, STRATEGIES, Recipe
from regraft.similarity.depth_profile import ProfilePoint
from regraft.similarity.measure import Similarity

TRAIN_PASSES = 6.0  # of the frozen pass, that one image costs in training; between 3 and 10 on networks tried
TRAIN_BYTES = 16  # a trained parameter: weight, gradient and two moments, in float32
COMPETING_SECONDS = 120.0  # that fine-tuning may take beside a frozen strategy
FEWEST_COMPETING, USUAL_COMPETING = 3, 4  # epochs that it needs to be worth a try, and that it gets
COMPETING_IMAGES = 2_500  # that it sees at least, in more epochs of few images
SURE = 2  # standard errors, from which a difference is more than chance explains
WITHOUT_GRADIENTS = 4  # a pass without them holds so much less of what a forward pass leaves behind


@dataclass(frozen=True)
class NetworkSize:
    """What the costs follow from."""

    parameters: dict[str, int]  # from the input to each cut, by its name
    channels: dict[str, int]  # of each cut
    activations: int  # values that one image leaves behind in a forward pass
    rate: float | None  # images a second in the frozen pass on this machine; None where it is not known

    @property
    def cuts(self) -> list[str]:
        """The names of the cuts, from first to last."""
        return list(self.channels)


@dataclass(frozen=True)
class Cost:
    """What one strategy would take."""

    strategy: str
    chosen: bool
    trained_parameters: int
    trained_parameters_an_image: float
    seconds: float | None  # None where the network's rate on this machine is not known
    memory_bytes: int
    why: str  # what speaks for it, or against it
    epochs: int | None = None  # that the time is for, where every layer is trained


@dataclass(frozen=True)
class Choice:
    """What the plan decided."""

    size: Size
    similarity: Similarity
    verdict: str  # similar or different
    strategy: str
    cuts: tuple[str, ...]  # whose features the head takes; () where every layer is trained


def costs_of(choice: Choice, network: NetworkSize, recipe: Recipe, images: int) -> tuple[Cost, ...]:
    """For each strategy; ``images``: all that there are, of any part."""
    train, rows = choice.size.images, []
    for strategy in STRATEGIES:
        chosen = strategy == choice.strategy
        trained = trained_parameters(strategy, cuts_of(strategy, choice, network), network, choice.size.classes)
        an_image = trained / max(1, choice.size.distinct)
        seconds = seconds_of(strategy, network, recipe, images, train)
        memory = memory_of(strategy, trained, network, recipe, train)
        frozen = strategy in FROZEN_STRATEGIES
        epochs = None if frozen else epochs_of(recipe.optimisation.epochs, strategy, train)
        rows.append(
            Cost(strategy, chosen, trained, an_image, seconds, memory, why(strategy, choice, trained, an_image), epochs)
        )
    return tuple(rows)


def cuts_of(strategy: str, choice: Choice, network: NetworkSize) -> Sequence[str]:
    """The cuts whose features the strategy's head would take."""
    if strategy == choice.strategy and choice.cuts:
        return choice.cuts
    return [choice.similarity.best_early_cut if strategy == "early-layers" else network.cuts[-1]]


def trained_parameters(strategy: str, cuts: Sequence[str], network: NetworkSize, classes: int) -> int:
    """Parameters that the strategy trains, with a head of one layer."""
    head = (sum(network.channels[cut] for cut in cuts) + 1) * classes
    return head if strategy in FROZEN_STRATEGIES else head + network.parameters[network.cuts[-1]]


def seconds_of(strategy: str, network: NetworkSize, recipe: Recipe, images: int, train: int) -> float | None:
    """Seconds from nothing to a trained network, roughly: the pass over all images, and the epochs."""
    if network.rate is None:
        return None
    if strategy in FROZEN_STRATEGIES:
        return images / network.rate
    epochs = epochs_of(recipe.optimisation.epochs, strategy, train)
    return images / network.rate + (training_seconds(network, epochs, train) or 0.0)


def training_seconds(network: NetworkSize, epochs: int, train: int) -> float | None:
    """Seconds that training every layer takes for so many epochs of ``train`` images, roughly."""
    return None if network.rate is None else TRAIN_PASSES * epochs * train / network.rate


def competing_epochs(strategy: str, network: NetworkSize, recipe: Recipe, train: int) -> int | None:
    """Epochs that fine-tuning gets beside a frozen strategy, as many as fit in COMPETING_SECONDS; None: no try.

    None too where the network's rate on this machine is not known, and where the recipe asks for something.
    """
    if recipe.planning.fast or not recipe.left_open or strategy not in FROZEN_STRATEGIES or network.rate is None:
        return None
    fitting = int(COMPETING_SECONDS * network.rate / (TRAIN_PASSES * train))
    wanted = recipe.optimisation.epochs or max(USUAL_COMPETING, math.ceil(COMPETING_IMAGES / train))
    return min(wanted, fitting) if fitting >= min(wanted, FEWEST_COMPETING) else None


def memory_of(strategy: str, trained: int, network: NetworkSize, recipe: Recipe, train: int) -> int:
    """Bytes at the peak, roughly: parameters, and what one batch leaves behind."""
    if strategy in FROZEN_STRATEGIES:
        return 4 * (network.parameters[network.cuts[-1]] + BATCH * network.activations // WITHOUT_GRADIENTS)
    return TRAIN_BYTES * trained + 4 * batch_of(recipe, train) * network.activations


def why(strategy: str, choice: Choice, trained: int, an_image: float) -> str:
    """What speaks for the strategy that was chosen; against any other one, on this data."""
    weights = f"{short_number(trained)} weights"
    if strategy == choice.strategy:
        return f"it trains {weights}, {an_image:,.0f} an image" if an_image >= 1 else f"it trains {weights}"
    against = against_frozen if strategy in FROZEN_STRATEGIES else against_trained
    return against(strategy, choice, weights)


def against_trained(strategy: str, choice: Choice, weights: str) -> str:
    """What speaks against training every layer; ``weights``: how many, in words."""
    images, few = f"{choice.size.distinct:,} images", choice.size.verdict == "small"
    if strategy == "from-scratch":
        if few:
            return f"{images} cannot train {weights} from nothing"
        return f"{images} train {weights} sooner from a start that already sees; this is the fallback"
    return (
        f"{images} are few for {weights}, which would learn them by heart"
        if few
        else f"the settings ask for {choice.strategy}"
    )


def against_frozen(strategy: str, choice: Choice, _weights: str) -> str:
    """What speaks against a head alone."""
    if choice.size.verdict == "large":
        return f"{choice.size.distinct:,} images are enough to adapt every layer"
    return without_last_layers(choice.similarity) if strategy == "early-layers" else last_layers(choice.similarity)


def without_last_layers(similarity: Similarity) -> str:
    """What the probes say of leaving out the layers after the early cut."""
    early = early_point(similarity)
    points = f"{100 * abs(early.behind_last):.1f} points"
    if chance(early.behind_last, early.standard_error):
        return f"leaving out the last layers changes little ({points}, which may be chance)"
    return f"leaving out the last layers {'costs' if early.behind_last > 0 else 'gains'} about {points}"


def last_layers(similarity: Similarity) -> str:
    """What the probes say of keeping the layers after the early cut, which were made for other images."""
    early = early_point(similarity)
    points = f"{100 * abs(early.behind_last):.1f} points"
    if chance(early.behind_last, early.standard_error):
        return f"the last layers were made for other images, and change little here ({points}, which may be chance)"
    if early.behind_last > 0:
        return f"the last layers were made for other images, though they gain {points} here: compare both"
    return f"the last layers were made for other images, and cost {points} here"


def chance(difference: float, standard_error: float) -> str:
    """What to say of a difference of less than two standard errors."""
    return "may be chance" if abs(difference) < SURE * standard_error or not difference else ""


def early_point(similarity: Similarity) -> ProfilePoint:
    """The probe at the early cut."""
    return next(point for point in similarity.profile if point.cut == similarity.best_early_cut)


def short_number(number: int) -> str:
    """As people say it: 3.4 million."""
    million = 1_000_000
    return f"{number / million:.1f} million" if number >= million else f"{number:,}"
