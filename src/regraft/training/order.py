"""In which order an epoch goes through its images."""

import numpy as np
import torch

SEEDS = 2**63  # a generator takes no larger one


def order_of(seed: int, epoch: int, images: int) -> np.ndarray:
    """The places of so many images in the order of an epoch: (images,), int64."""
    generator = torch.Generator().manual_seed((1_000_003 * seed + epoch) % SEEDS)
    return torch.randperm(images, generator=generator).numpy()
