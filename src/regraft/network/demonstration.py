"""The network that courses draw: three convolutional and three fully connected layers, small enough to see through."""

import torch
from torch import nn

SIZE = 64  # pixels a side
SEED = 0  # of its random weights


class Demonstration(nn.Module):
    """Images (n, 3, height, width) -> logits (n, classes); any size of 8 pixels or more."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = block(3, 16)
        self.conv2 = block(16, 32)
        self.conv3 = block(32, 64)
        self.flatten = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.fc1 = nn.Sequential(nn.Linear(4 * 64, 128), nn.ReLU())
        self.fc2 = nn.Sequential(nn.Linear(128, 64), nn.ReLU())
        self.fc3 = nn.Linear(64, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        features = self.conv3(self.conv2(self.conv1(images)))
        logits: torch.Tensor = self.fc3(self.fc2(self.fc1(self.flatten(features))))
        return logits


def block(inputs: int, outputs: int) -> nn.Sequential:
    """A convolution, batch norm, ReLU, and half the resolution."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)
    )


def build() -> Demonstration:
    """The network with random weights, the same ones every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return Demonstration()
