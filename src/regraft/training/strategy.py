"""A recipe that names its strategy, carried out: labelled images and a backbone -> a grafted network with evidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from regraft.errors import RegraftError
from regraft.metrics import baselines_by, softmax
from regraft.network.backbone import Backbone
from regraft.planning.cases import strategy_by_rule
from regraft.planning.prepare import Job
from regraft.progress import Progress, silent
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.training.choosing import gain_of
from regraft.training.examples import Examples, rows_for_tuning
from regraft.training.frozen import train_frozen
from regraft.training.onlooker import Onlooker, nobody
from regraft.training.ranks import ALONE, Ranks
from regraft.training.result import Attempt, Trained
from regraft.training.verdict import against

MANY_IMAGES = 10_000  # from which a head is not solved merely to compare
TRIAL_SHARE = 0.25  # of fine-tuning's epochs, that random weights get to overtake it in case 4


@dataclass(frozen=True)
class Trainer:
    """Carries out any recipe that names its strategy."""

    backbone: Backbone
    examples: Examples
    folder: Path  # keeps the checkpoints
    resume: bool = False
    progress: Progress = silent
    ranks: Ranks = ALONE  # the processes that train a whole network together
    onlooker: Onlooker = nobody  # looks on while a whole network is trained

    def train(self, recipe: Recipe, name: str, deadline: float = math.inf) -> Trained:
        """``name``: of the checkpoints' folder; ``deadline``: one of time.monotonic()."""
        if recipe.frozen:
            return train_frozen(self.backbone, self.examples, recipe, self.progress)
        from regraft.training.full import train_full

        folder = self.folder / name
        more = deadline, self.ranks, self.onlooker
        return train_full(self.backbone, self.examples, recipe, folder, self.resume, self.progress, *more)

    def baselines_on_validation(self) -> dict[str, float]:
        """The majority class and the nearest neighbour on the rows that validate a fine-tuning."""
        train, val = rows_for_tuning(self.examples.split)
        last, features = self.backbone.cuts[-1:], self.examples.features
        return baselines_by(lambda rows: features.pooled(last, rows), self.examples.labels, train, val)

    def probabilities_of(self, trained: Trained, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """Class probabilities (rows, classes) of the network that is saved, from cached features where it is frozen."""
        graft, rows = trained.graft, np.asarray(rows)
        if trained.frozen:
            return softmax(graft.head.logits(self.examples.features.pooled(graft.cuts, rows, graft.pooling)))
        from regraft.training.full import logits_of

        return softmax(logits_of(graft.module, self.examples, rows, trained.recipe.network.device))


def trainer_for(
    job: Job, folder: Path, resume: bool = False, progress: Progress = silent, ranks: Ranks = ALONE
) -> Trainer:
    """What carries strategies out on a job; ``folder`` keeps the checkpoints."""
    backbone, large = job.backbone, job.plan.size.verdict == "large"
    workers = job.recipe.network.workers
    start = job.going_on.start_for(job.images.classes) if job.going_on else None
    examples = Examples(job.features, job.split, backbone.preprocessing, large, workers, start)
    return Trainer(backbone, examples, folder, resume, progress, ranks)


def train_as_planned(job: Job, trainer: Trainer, deadline: float = math.inf) -> Trained:
    """Train as the plan says; in case 4 random weights are the fallback, unless a strategy was asked for.

    Where something else than the rule's frozen strategy was asked for, the result carries that one's head too.
    """
    recipe = job.planned_recipe()
    trained = trainer.train(recipe, str(recipe.planning.strategy), deadline)
    if trained.interrupted or job.recipe.network.continue_from:
        return trained
    if job.recipe.planning.strategy or job.plan.case != "large-different":
        return replace(trained, rule=rule_beside(trained, job, trainer))
    return or_from_scratch(trained, trainer, job.recipe, deadline)


def rule_beside(trained: Trained, job: Job, trainer: Trainer) -> Trained | None:
    """The head of the rule's frozen strategy, where that takes seconds and is not what was trained."""
    ruled = strategy_by_rule(job.plan.case)
    if ruled not in FROZEN_STRATEGIES or len(job.split.train) > MANY_IMAGES:
        return None
    cut = job.plan.similarity.best_early_cut if ruled == "early-layers" else job.backbone.cuts[-1].name
    if trained.strategy == ruled and [one.name for one in trained.graft.cuts] == [cut]:
        return None
    plain = Recipe(network=job.recipe.network, reading=job.recipe.reading, general=job.recipe.general)
    try:
        return trainer.train(plain.but(strategy=ruled, cut=cut), ruled)
    except RegraftError:
        return None


def or_from_scratch(tuned: Trained, trainer: Trainer, recipe: Recipe, deadline: float) -> Trained:
    """Case 4: keep ``tuned`` unless it fails against the nearest neighbour or the curve of random weights.

    Random weights get a quarter of fine-tuning's epochs with a whole schedule in them; ahead of fine-tuning at
    that epoch they are trained in full, and the better of the two is kept.
    """
    scratch = recipe.but(strategy="from-scratch", cut=None, cuts=(), unfreeze_from=None, views=0)
    rival, mine = trainer.baselines_on_validation()["nearest_neighbour"], tuned.judged.accuracy
    why = f"fine-tuning validated at {mine:.1%}, no better than the nearest neighbour's {rival:.1%}"
    try:
        if mine > rival:
            epochs = math.ceil(TRIAL_SHARE * (tuned.recipe.optimisation.epochs or 1))
            then = max(row["val_accuracy"] for row in tuned.history if row["epoch"] <= epochs)
            why = f"fine-tuning validated at {then:.1%} after {epochs} epochs"
            trial = trainer.train(scratch.but(epochs=epochs), "from-scratch-trial", deadline)
            sizes = f"{trial.judged.accuracy:.1%} after {epochs} epochs, where fine-tuning had {then:.1%}"
            if trial.judged.accuracy <= then or trial.interrupted:
                note = f"random weights were tried too and validated at {sizes}; the pre-trained start was kept"
                lost = with_random_weights(tuned, trial, tuned, sizes)
                return replace(lost, notes=(*tuned.notes, note), interrupted=trial.interrupted)
            why = f"random weights validated at {sizes}"
        untaught = trainer.train(scratch, "from-scratch", deadline)
    except (RegraftError, KeyboardInterrupt) as error:
        note = f"{why}, but the training of random weights broke off: {str(error) or 'interrupted'}"
        return replace(tuned, notes=(*tuned.notes, note), interrupted=isinstance(error, KeyboardInterrupt))
    better = max(tuned, untaught, key=lambda t: t.judged.accuracy)
    note = (
        f"{why}, so random weights were trained in full: {untaught.judged.accuracy:.1%}; {better.strategy} was kept,"
        " the better of the two"
    )
    gain = gain_of(untaught.judged, tuned.judged)
    won = with_random_weights(tuned, untaught, better, against("fine-tune", gain, better is untaught))
    return replace(won, notes=(*better.notes, note), interrupted=untaught.interrupted)


def with_random_weights(tuned: Trained, untaught: Trained, kept: Trained, why: str) -> Trained:
    """The one that is ``kept``, with random weights among what was tried before, and ``why`` they won or lost."""
    if not tuned.tried:
        return kept
    won, planned = kept is untaught, untaught.recipe.optimisation.epochs or 0
    before = [replace(one, kept=False, why="from-scratch: better") if won and one.kept else one for one in tuned.tried]
    own = untaught.judged
    attempt = Attempt(
        name="from-scratch",
        accuracy=own.accuracy,
        kept=won,
        seconds=untaught.seconds,
        images=len(own.rows),
        epochs=max((int(row["epoch"]) for row in untaught.history), default=0),
        planned_epochs=planned,
        why=why,
    )
    return replace(kept, tried=(*before, attempt))
