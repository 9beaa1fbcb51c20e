"""Loss and gradients of one batch, in as many parts as fit the memory, over all ranks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from regraft.training.forward import Forward
from regraft.training.lost import Agreed, Lost
from regraft.training.order import SEEDS
from regraft.training.rank_norms import adapts
from regraft.training.state import State
from regraft.training.task import Task

NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")  # in PyTorch's messages
OWN = 7_919_777_777_777  # between the seeds of ranks


@dataclass(frozen=True)
class Gradients:
    """What puts a batch's gradients into a training's parameters."""

    task: Task
    forward: Forward
    optimiser: Any

    def of_batch(self, rows: np.ndarray, state: State) -> tuple[float, int]:
        """Loss and number of right images of one batch, and its gradients.

        Where memory runs out the batch goes through in twice as many parts, from then on; RunError where that is
        no help.
        """
        ranks = self.task.ranks
        while True:
            torch.manual_seed(seed_of(self.task.recipe.seed, state.epoch, state.step))
            self.optimiser.zero_grad()
            total, hits, full = 0.0, 0, False
            try:
                for number, part in enumerate(np.array_split(rows, state.parts)):
                    loss, right = self.one_part(part, state, number)
                    share = loss * (len(part) / len(rows))
                    self.forward.fabric.backward(share)
                    total, hits = total + share.item(), hits + right
            except RuntimeError as error:  # CUDA has a kind of its own below it, the CPU has not
                if not any(words in str(error) for words in NO_MEMORY):
                    raise
                full = True
            if not ranks.alone and full and adapts(self.task.model):  # where the others wait for what does not come
                raise Lost(str(self.too_large(rows, state)))
            (full,) = ranks.any_of(full)
            if not full:
                break
            if len(rows) < 4 * state.parts * ranks.size:  # batch norm needs two images
                raise self.too_large(rows, state)
            state.parts *= 2
        if ranks.alone:
            return total, hits
        ranks.add_gradients([p for group in self.optimiser.param_groups for p in group["params"]])
        total, right_images = ranks.totals(total, hits)
        return total, int(right_images)

    def too_large(self, rows: np.ndarray, state: State) -> Agreed:
        """The error where no smaller part would help."""
        images, size = -(-len(rows) // state.parts // self.task.ranks.size), self.task.samples.preprocessing.size
        return Agreed(
            f"memory ran out with {images} images of {size} pixels at a time; use a smaller --image-size, or"
            " --strategy head"
        )

    def one_part(self, rows: np.ndarray, state: State, number: int) -> tuple[torch.Tensor, int]:
        """Loss and number of right images of a part of a batch, or of what this rank has of it."""
        task, smoothing = self.task, self.task.recipe.optimisation.label_smoothing
        if task.ranks.alone:
            logits, labels = self.forward.for_training(rows)
        else:
            own = 1 + task.ranks.rank + task.ranks.size * number
            seed = seed_of(task.recipe.seed, state.epoch, state.step, own)
            logits, labels = self.forward.part_for_training(rows, seed)
        weights = None if task.class_weights is None else task.class_weights.to(logits.device)
        truth = labels if labels.ndim == 1 else labels.argmax(1)
        right = int((logits.argmax(1) == truth).sum())
        if task.ranks.alone:
            return cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing), right
        loss = cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing, reduction="sum")
        return loss / self.counted(rows, weights, labels.ndim == 1), right

    def counted(self, rows: np.ndarray, weights: torch.Tensor | None, plain: bool) -> float:
        """What the whole part counts, of which a rank has a share: its images, or their weights."""
        if weights is None or not plain:  # as cross_entropy divides where labels are shares
            return float(len(rows))
        return float(weights[self.forward.labels_of(rows)].sum())


def seed_of(seed: int, epoch: int, step: int, own: int = 0) -> int:
    """The seed of a step; with ``own`` over 0 that of what a rank draws alone."""
    return ((1_000_003 * seed + epoch) * 1_000_003 + step + own * OWN) % SEEDS
