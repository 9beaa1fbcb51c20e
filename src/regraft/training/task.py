"""One training of a whole network: all its parts."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from regraft.progress import Progress, silent
from regraft.recipe import Recipe
from regraft.training.augmentation import Mix, View
from regraft.training.checkpoint import Identity
from regraft.training.onlooker import Onlooker, nobody
from regraft.training.ranks import ALONE, Ranks
from regraft.training.samples import Samples


@dataclass(frozen=True)
class Task:
    """One training's parts. ``model`` maps images to logits; the best weights are in it at the end."""

    recipe: Recipe  # completed
    batch_size: int  # over all ranks
    model: nn.Module
    optimiser: torch.optim.Optimizer
    samples: Samples
    train_rows: np.ndarray
    val_rows: np.ndarray
    view: View
    val_view: View
    class_weights: torch.Tensor | None
    folder: Path  # of the checkpoints
    identity: Identity
    device: torch.device
    mix: Mix | None = None
    deadline: float = math.inf  # of time.monotonic(); the schedule ends by then; -inf: nothing more is trained
    progress: Progress = silent
    ranks: Ranks = ALONE  # the processes that train it together
    onlooker: Onlooker = nobody

    @property
    def epochs(self) -> int:
        """How often training goes through the images."""
        assert self.recipe.optimisation.epochs, "a completed recipe has epochs"
        return self.recipe.optimisation.epochs

    @property
    def steps(self) -> int:
        """Steps in an epoch; a last batch that is not full is left for another epoch's draw."""
        return max(1, len(self.train_rows) // self.batch_size)
