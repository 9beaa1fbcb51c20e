"""What the channels of each layer answer to one image, from the input to the output."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from regraft.inspection.subject import Subject, maps_of
from regraft.network.cuts import Cut


@dataclass(frozen=True)
class ActivationMaps:
    """The values at one cut for one image, the strongest channels first.

    A channel is as strong as its map's average, values below zero counted as zero.
    """

    cut: Cut
    channels: np.ndarray  # (channels,) int64: their numbers, from 0
    strengths: np.ndarray  # (channels,) float32: averages of what is above zero, in the network's units
    maps: np.ndarray  # (channels, height, width) float32; height and width are 1 where no space is left

    @property
    def silent(self) -> int:
        """How many channels are nowhere above zero."""
        return int((self.strengths == 0).sum())


def activation_maps(subject: Subject, pixels: np.ndarray, cuts: Sequence[Cut] = ()) -> tuple[ActivationMaps, ...]:
    """One image (size, size, 3) uint8 -> the values at each of ``cuts`` (none: all of them), in order."""
    cuts = tuple(cuts) or subject.cuts
    with torch.no_grad():
        *values, _ = subject.tapped(cuts)(subject.input_of(np.stack([pixels])))
    return tuple(strongest_first(maps_of(value, cut)[0], cut) for value, cut in zip(values, cuts, strict=True))


def strongest_first(maps: torch.Tensor, cut: Cut) -> ActivationMaps:
    """The maps (channels, height, width) at a cut in order."""
    strengths = maps.clamp(min=0).mean((1, 2))
    order = strengths.argsort(descending=True, stable=True)
    return ActivationMaps(cut, order.numpy(), strengths[order].numpy(), maps[order].numpy())
