"""What there is to try on one data set: heads on features that are there already, and the whole network trained."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from regraft.data.prefetch import map_ahead
from regraft.data.split import subsample
from regraft.features.probe import calibrated, held_out, loss_of
from regraft.features.threads import one_thread
from regraft.network.cuts import Cut
from regraft.planning.plan import Plan
from regraft.progress import Progress
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.training.choosing import is_balanced
from regraft.training.examples import Examples

STRONGER = {"none": "light", "light": "medium", "medium": "strong", "strong": "strong"}
LONGEST_RUN = 5  # neighbouring cuts that are joined at most
MOST_CHANNELS = 3_200  # of joined cuts
SCREENING_IMAGES = 4_000  # at most so many judge which cuts are worth joining
JOINS = 2  # runs of cuts that get heads
LOSS_COUNTS = 0.15  # of the mean cross-entropy in nats, taken from the accuracy: it tells near runs apart
MANY_IMAGES = 10_000  # from which a head takes so long that fewer are tried


@dataclass(frozen=True)
class Candidate:
    """Something to try: a recipe that names its strategy, and how it is called."""

    name: str
    recipe: Recipe


def frozen_candidates(
    recipe: Recipe, plan: Plan, examples: Examples, cuts: Sequence[Cut], progress: Progress
) -> Iterator[Candidate]:
    """Heads on the frozen network, what the rule gives first; ``recipe``: the planned one.

    Where balanced figures are monitored, each is tried with weighed classes too, unless the recipe weighs them.
    """
    plain = list(heads_without_weights(recipe, plan, examples, cuts, progress))
    yield from plain
    if is_balanced(recipe.stopping.monitor) and recipe.head.class_weights == "none":
        yield from (Candidate(f"{one.name}, weighed", one.recipe.but(class_weights="auto")) for one in plain)


def heads_without_weights(
    recipe: Recipe, plan: Plan, examples: Examples, cuts: Sequence[Cut], progress: Progress
) -> Iterator[Candidate]:
    """Heads with the recipe's own class weights; of a run that is gone on from its own one alone."""
    if recipe.network.continue_from is not None:
        yield Candidate("the run's head, gone on with", recipe.but(strategy="head", unfreeze_from=None))
        return
    last, early = cuts[-1].name, plan.similarity.best_early_cut
    base = recipe.but(strategy="head", cut=last, cuts=(), unfreeze_from=None)
    at_last = Candidate(f"head at {last}", base)
    at_early = Candidate(f"head at {early}", base.but(strategy="early-layers", cut=early))
    by_rule = [at_early, at_last] if plan.strategy == "early-layers" else [at_last, at_early]
    yield from by_rule[: 1 if early == last else 2]
    several = recipe.head.layers == 1 and recipe.head.solver == "logistic"
    few = bool(recipe.head.views) or len(examples.split.train) > MANY_IMAGES
    if several and not few:
        yield Candidate(f"discriminant at {last}", base.but(solver="discriminant"))
    for run in promising_runs(examples, cuts, progress)[: 1 if few else JOINS]:
        names = tuple(cut.name for cut in run)
        shown = f"{names[0]} to {names[-1]}" if len(names) > 2 else " + ".join(names)  # noqa: PLR2004
        joined = base.but(strategy="head" if last in names else "early-layers", cut=None, cuts=names)
        if several:
            yield Candidate(f"discriminant on {shown}", joined.but(solver="discriminant"))
        yield Candidate(f"head on {shown}", joined)
        if several and not few:
            yield Candidate(f"averaged heads on {shown}", joined.but(joining="averaged"))


def tuned_candidates(best: Recipe, recipe: Recipe, plan: Plan) -> Iterator[Candidate]:
    """Everything trained, where the plan says so or lets it compete; under more augmentation in what a limit leaves.

    ``best``: of the best head, which the training starts from; ``recipe``: as it was given.
    """
    if recipe.planning.fast:
        return
    limit = recipe.stopping.time_limit
    tune = best.but(strategy="fine-tune", views=0, weight_decay=recipe.optimisation.weight_decay)
    if limit is None and plan.strategy in FROZEN_STRATEGIES:
        if plan.competing_epochs:
            yield Candidate("fine-tune", tune.but(epochs=plan.competing_epochs))
        return
    preset = recipe.augmentation.preset
    stronger = STRONGER[preset]
    yield Candidate("fine-tune", tune)
    if limit is not None and stronger != preset:
        yield Candidate("fine-tune under stronger augmentation", tune.but(augmentation=stronger))


def promising_runs(examples: Examples, cuts: Sequence[Cut], progress: Progress) -> list[tuple[Cut, ...]]:
    """Runs of neighbouring cuts that end at one of the last two, by what a discriminant on them gets, best first."""
    split = examples.split
    chosen = subsample(examples.labels[split.train], SCREENING_IMAGES)
    rows, folds = split.train[chosen], split.folds[chosen]
    labels = examples.labels[rows]
    wide = channels_of(cuts[-2:]) > MOST_CHANNELS
    runs = [run for run in runs_of(one_a_stride(cuts) if wide else cuts) if channels_of(run) <= MOST_CHANNELS]

    def worth(run: tuple[Cut, ...]) -> float:
        logits = held_out(examples.features.pooled(run, rows), labels, examples.classes, folds)
        accuracy = float((logits.argmax(axis=1) == labels).mean())
        return accuracy - LOSS_COUNTS * loss_of(calibrated(logits, labels), labels)

    judged: list[tuple[tuple[Cut, ...], float]] = []
    with one_thread():  # each of several
        for pair in map_ahead(worth, runs, chunk=1, ahead=1):
            judged.append(pair)
            progress("Screening joined cuts", len(judged), len(runs), "joins")
    return [run for run, _ in sorted(judged, key=lambda pair: -pair[1])]


def channels_of(cuts: Sequence[Cut]) -> int:
    """Channels of joined cuts."""
    return sum(cut.channels for cut in cuts)


def one_a_stride(cuts: Sequence[Cut]) -> list[Cut]:
    """The last cut at each stride: what joins where neighbours are too wide to."""
    return list({cut.stride: cut for cut in cuts}.values())


def runs_of(cuts: Sequence[Cut]) -> Iterator[tuple[Cut, ...]]:
    """Two to LONGEST_RUN neighbouring cuts, the last of them one of the network's last two."""
    for end in (len(cuts), len(cuts) - 1):
        for length in range(2, LONGEST_RUN + 1):
            if end - length >= 0:
                yield tuple(cuts[end - length : end])
