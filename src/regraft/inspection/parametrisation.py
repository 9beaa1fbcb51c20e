"""Pictures as numbers that an optimiser can turn: coefficients of frequencies, colours decorrelated.

FOURIER (Olah et al. 2017, "Feature visualization"; Mordvintsev et al. 2018, "Differentiable image parameterizations"):
every coefficient is free, in units of what pictures have at its frequency. MACO (Fel et al. 2023, arXiv 2306.06805):
the magnitudes are held, only the phases are free.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from regraft.inspection.image_statistics import ImageStatistics

FOURIER, MACO = "fourier", "maco"
CONTRAST = 0.3  # of a free picture's start, against pictures of its kind


@dataclass(frozen=True)
class Parametrisation:
    """From an optimiser's numbers to pictures."""

    name: str
    statistics: ImageStatistics
    learning_rate: float  # Adam's

    def start(self, count: int, generator: torch.Generator) -> Tensor:
        """Random numbers for ``count`` pictures: (count, 3, size, size // 2 + 1, 1 or 2) float32."""
        shape = (count, *self.statistics.magnitude.shape)
        if self.name == MACO:
            return 2 * math.pi * torch.rand((*shape, 1), generator=generator)
        return CONTRAST * math.sqrt(0.5) * torch.randn((*shape, 2), generator=generator)

    def logits(self, numbers: Tensor) -> Tensor:
        """Numbers -> pictures before the sigmoid (count, 3, size, size)."""
        coefficients = unit(numbers[..., 0]) if self.name == MACO else torch.view_as_complex(numbers)
        size = self.statistics.size
        magnitude = torch.as_tensor(self.statistics.magnitude, dtype=torch.float32)
        uncorrelated = torch.fft.irfft2(coefficients * magnitude, s=(size, size))
        colours, mean = (
            torch.as_tensor(part, dtype=torch.float32) for part in (self.statistics.colours, self.statistics.mean)
        )
        return torch.einsum("ij,njhw->nihw", colours, uncorrelated) + mean[:, None, None]

    def pictures(self, numbers: Tensor) -> Tensor:
        """Numbers -> pictures (count, 3, size, size) in 0..1."""
        return torch.sigmoid(self.logits(numbers))


def unit(phases: Tensor) -> Tensor:
    """Phases (..., size, size // 2 + 1) -> coefficients of magnitude one, of a real picture.

    In the first column, and the last of an even size, a frequency stands beside its opposite: their phases must be
    opposite too, or the inverse transform would mix them and their magnitudes would change.
    """
    size = phases.shape[-2]
    opposite = torch.roll(phases.flip(-2), 1, -2)
    alone = torch.zeros(phases.shape[-1], dtype=torch.bool)
    alone[0] = True
    alone[-1] = size % 2 == 0
    phases = torch.where(alone, (phases - opposite) / 2, phases)
    return torch.polar(torch.ones_like(phases), phases)


RATES = {FOURIER: 0.1, MACO: 0.5}


def parametrisation(name: str, statistics: ImageStatistics) -> Parametrisation:
    """By its name."""
    return Parametrisation(name, statistics, RATES[name])


Transformation = Callable[[Tensor], Tensor]
