"""Networks and images to look at: one before training, one after, made in milliseconds."""

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from conftest import picture
from torch import nn

from regraft.data.content import Given
from regraft.data.images import ImageFile
from regraft.inspection.subject import Subject
from regraft.network.backbone import Backbone
from regraft.network.description import Architecture
from regraft.network.graft import Graft
from regraft.network.head import Head
from regraft.network.preprocessing import Preprocessing

SIZE = 32


class Small(nn.Module):
    """Three stages with batch norm; ``grey``: it sees the mean of the colours."""

    def __init__(self, grey: bool = False) -> None:
        super().__init__()
        self.grey = grey
        self.stem = nn.Sequential(nn.Conv2d(1 if grey else 3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.middle = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.BatchNorm2d(8), nn.ReLU())
        self.late = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.mean(1, keepdim=True) if self.grey else x
        return self.fc(self.pool(self.late(self.middle(self.stem(x)))).flatten(1))


class Flat(nn.Module):
    """A network without convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(8)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(48, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU())
        self.fc = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.layers(self.pool(x)))


def backbone(make: Callable[[], nn.Module] = Small, seed: int = 0) -> Backbone:
    """A made network with random weights, the same each time, and statistics that are not the initial ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.1, 0.1)
                module.running_var.uniform_(0.5, 2)
    return Backbone("made", Architecture("timm", "resnet18"), lambda: model, Preprocessing(SIZE))


def trained(change: Callable[[nn.Module], None], classes: int = 3) -> Subject:
    """A fine-tuned run of the small network, which ``change`` makes of its copy."""
    before = backbone()
    model = copy.deepcopy(before.model)
    with torch.no_grad():
        change(model)
    after = replace(before, build=model.eval)
    graft = Graft(after, (after.cuts[-1],), by_means(before, classes))
    return Subject("run", after, tuple("abc"[:classes]), graft, before, "fine-tune")


def by_means(before: Backbone, classes: int) -> Head:
    """A head that takes the class whose mean features, before training, are nearest."""
    every = np.stack([np.asarray(file.content.read().resize((SIZE, SIZE))) for file in images(8, classes)])
    with torch.inference_mode():
        shown = before.preprocessing.normalise(torch.from_numpy(every))
        model = before.model
        features = model.pool(model.late(model.middle(model.stem(shown)))).flatten(1).numpy()
    means = features.reshape(classes, 8, -1).mean(1)
    return Head((2 * means,), (-(means**2).sum(1),))


def images(each: int = 8, classes: int = 3) -> tuple[ImageFile, ...]:
    """Striped pictures, class by class."""
    return tuple(
        ImageFile(f"{kind}/{i}.png", kind, None, Given(lambda kind=kind, i=i: picture(kind, i)))
        for kind in range(classes)
        for i in range(each)
    )
