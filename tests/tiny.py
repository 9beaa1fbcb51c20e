"""A training that takes a second: sixty coloured pictures, a network of one layer."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from regraft.network.preprocessing import Preprocessing
from regraft.recipe import Recipe
from regraft.training.augmentation import centre_view, training_view
from regraft.training.checkpoint import Identity
from regraft.training.loop import Task
from regraft.training.optimiser import make_optimiser
from regraft.training.samples import Samples

SIZE = 32
RECIPE = Recipe(
    strategy="fine-tune", epochs=3, learning_rate=1e-2, weight_decay=0.01, schedule="cosine", warm_up=0.1,
    label_smoothing=0.1, clip=1.0, patience=3, min_improvement=0.0, monitor="val_accuracy", mode="auto",
    checkpoint_name="best-{epoch}-{metric}", ema=0.0, seed=0, checkpoint_minutes=1e-9,
)  # fmt: skip


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(x))


def tiny_task(folder: Path, **changes: Any) -> Task:
    """A task that keeps its checkpoints in ``folder``; ``changes``: of RECIPE, by name."""
    recipe = RECIPE.but(**changes)
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    colours = torch.eye(3)[labels].view(-1, 3, 1, 1) * 40
    images = (torch.rand(60, 3, 36, 40, generator=draw) * 160 + colours).byte()
    torch.manual_seed(1)
    model, own = Tiny(), recipe.optimisation
    assert own.learning_rate is not None
    assert own.weight_decay is not None
    return Task(
        recipe=recipe,
        batch_size=8,
        model=model,
        optimiser=make_optimiser(
            own.optimiser, list(model.head.parameters()), [list(model.layers.parameters())], own.learning_rate,
            own.layer_decay, own.weight_decay,
        ),
        samples=Samples(tuple(images), labels, Preprocessing(SIZE)),
        train_rows=np.arange(45),
        val_rows=np.arange(45, 60),
        view=training_view("medium", SIZE, flip=True),
        val_view=centre_view(SIZE),
        class_weights=None,
        folder=folder,
        identity=Identity({"seed": 0}, "data"),
        device=torch.device("cpu"),
    )  # fmt: skip
