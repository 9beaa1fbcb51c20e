"""Images through the network: labelled rows -> logits and labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from regraft.training.augmentation import View
from regraft.training.drawing import drawing_of
from regraft.training.task import Task


@dataclass(frozen=True)
class Forward:
    """A training's network, set up by Fabric, on the training's images."""

    task: Task
    fabric: Fabric
    model: Any

    def __call__(self, rows: np.ndarray, view: View) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (rows, classes) in float32 and labels (rows,)."""
        images = self.fabric.to_device(self.task.samples.batch(rows.tolist(), view))
        return self.model(images).float(), self.labels_of(rows)

    def for_training(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """The same of a batch under training's view; labels are (rows, classes) where images were mixed."""
        task = self.task
        images, labels = self.fabric.to_device(task.samples.batch(rows.tolist(), task.view)), self.labels_of(rows)
        if task.mix and len(rows) > 1:
            images, labels = task.mix(images, labels)
        return self.model(images).float(), labels

    def part_for_training(self, rows: np.ndarray, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The same of this rank's part of a batch; what it draws up to the network is what one process would draw.

        ``seed``: of what the network itself draws. Mixing takes the image before each, so one more is made.
        """
        task, own = self.task, range(len(rows))[self.task.ranks.part_of(len(rows))]
        mixed = task.mix is not None and len(rows) > 1
        places = [(own.start - 1) % len(rows), *own] if mixed else list(own)
        images = self.fabric.to_device(task.samples.normalised(self.views(rows, places)))
        labels = self.labels_of(rows[places])
        if task.mix and mixed:
            images, labels = (values[1:] for values in task.mix(images, labels))
        drawn = torch.get_rng_state()  # where the next part goes on
        torch.manual_seed(seed)
        logits = self.model(images.contiguous(memory_format=torch.channels_last)).float()
        torch.set_rng_state(drawn)
        return logits, labels

    def views(self, rows: np.ndarray, places: Sequence[int]) -> list[torch.Tensor]:
        """Training's views of a batch's images at some places; for the others their random numbers are drawn alone."""
        samples, wanted = self.task.samples, set(places)
        made: dict[int, torch.Tensor] = {}
        for place, row in enumerate(rows.tolist()):
            if place in wanted:
                made[place] = self.task.view(samples.images[row])
            else:
                self.drawing(torch.empty(samples.shape(row), dtype=torch.uint8, device="meta"))
        return [made[place] for place in places]

    @cached_property
    def drawing(self) -> View:
        """What draws training's random numbers alone."""
        return drawing_of(self.task.view, self.task.samples.preprocessing.size)

    def labels_of(self, rows: np.ndarray) -> torch.Tensor:
        """The labels of ``rows``, on the device."""
        labels: torch.Tensor = self.fabric.to_device(self.task.samples.labels[torch.from_numpy(rows)])
        return labels
