"""How alike two networks' values at a place are: linear CKA.

Kornblith et al. 2019 (arXiv 1905.00414), with the unbiased estimate of HSIC (Song et al. 2012) averaged over batches
(Nguyen et al. 2021, arXiv 2010.15327): memory is that of one batch, and few images don't make all look alike.
"""

from dataclasses import dataclass

import torch

FEWEST = 4  # images in a batch that the estimate can take


@dataclass
class Similarity:
    """Grows batch by batch. 1: the same but for a rotation, a shift and a scale; 0: unrelated."""

    between: float = 0.0
    within_one: float = 0.0
    within_other: float = 0.0

    def add(self, one: torch.Tensor, other: torch.Tensor) -> None:
        """The values of the same images in both networks, (n, ...) each; fewer than FEWEST are passed over."""
        if len(one) < FEWEST:
            return
        first, second = kernel(one), kernel(other)
        self.between += len(one) * hsic(first, second)
        self.within_one += len(one) * hsic(first, first)
        self.within_other += len(one) * hsic(second, second)

    @property
    def value(self) -> float:
        """Linear CKA; not a number where a network's values do not tell the images apart."""
        if min(self.within_one, self.within_other) <= 0:
            return float("nan")
        return float(self.between / (self.within_one * self.within_other) ** 0.5)


def kernel(values: torch.Tensor) -> torch.Tensor:
    """Inner products between images, without those of an image with itself: (n, n) float64.

    The mean image is taken off first, which changes nothing but the rounding.
    """
    flat = values.flatten(1).double()
    flat = flat - flat.mean(0)
    return (flat @ flat.T).fill_diagonal_(0)


def hsic(first: torch.Tensor, second: torch.Tensor) -> float:
    """The unbiased estimate of the Hilbert-Schmidt independence criterion from two kernels with zero diagonals."""
    n = len(first)
    trace = float((first * second).sum())
    sums = float(first.sum() * second.sum()) / ((n - 1) * (n - 2))
    rows = 2 * float(first.sum(0) @ second.sum(0)) / (n - 2)
    return (trace + sums - rows) / (n * (n - 3))
