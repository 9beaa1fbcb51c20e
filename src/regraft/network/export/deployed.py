"""The torch module that is exported: from pixels to probabilities, normalisation and softmax in it."""

from typing import Any

import torch
from torch import nn

from regraft.network.export.format import PIXELS
from regraft.network.preprocessing import Preprocessing
from regraft.network.saved import Saved

EXAMPLES = 2  # images; of one, the batch would be taken for fixed


class Deployed(nn.Module):
    """Pixels (images, size, size, 3) uint8 -> probabilities (images, classes) float32."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(preprocessing.mean))
        self.register_buffer("std", torch.tensor(preprocessing.std))
        self.eval()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Normalise, run the network, whose temperature is in its weights, and make probabilities."""
        images = ((pixels.float() / 255 - self.mean) / self.std).permute(0, 3, 1, 2)
        logits: torch.Tensor = self.network(images)
        return logits.softmax(1)


def program_of(saved: Saved) -> Any:
    """The network as torch.export has it, for any number of images."""
    size = saved.preprocessing.size
    pixels = torch.zeros(EXAMPLES, size, size, 3, dtype=torch.uint8)
    module = Deployed(saved.module, saved.preprocessing)
    shapes = {PIXELS: {0: torch.export.Dim("images")}}
    with torch.no_grad():
        return torch.export.export(module, (pixels,), dynamic_shapes=shapes)
