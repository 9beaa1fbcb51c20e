"""Small changes of a picture under which a network's answer should hold: what survives them is no noise.

Jitter, scale and rotation in one sampling (Olah et al. 2017), the same for all pictures of a batch.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Transformations:
    """How far a picture is changed at each step."""

    jitter: float = 0.125  # of the side, to either side: over a whole stride of a last layer, so that no grid shows
    closest: float = 1.15  # magnified
    farthest: float = 0.9
    degrees: float = 8.0  # turned, to either side
    noise: float = 0.0  # standard deviation, of pixels in 0..1

    def apply(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures (n, 3, size, size) -> the same, seen a little differently; beyond the border they are mirrored."""
        drawn = 2 * torch.rand(4, generator=generator) - 1
        angle = math.radians(self.degrees) * float(drawn[0])
        middle, spread = (self.closest + self.farthest) / 2, (self.closest - self.farthest) / 2
        scale = 1 / (middle + spread * float(drawn[1]))
        cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
        x, y = 2 * self.jitter * float(drawn[2]), 2 * self.jitter * float(drawn[3])
        placed = torch.tensor([[cosine, -sine, x], [sine, cosine, y]])
        where = functional.affine_grid(placed.expand(len(pictures), 2, 3), list(pictures.shape), align_corners=False)
        seen = functional.grid_sample(pictures, where, padding_mode="reflection", align_corners=False)
        return seen + self.noise * torch.randn(seen.shape[1:], generator=generator) if self.noise else seen
