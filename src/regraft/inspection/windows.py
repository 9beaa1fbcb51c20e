"""Layers that read windows of a map, with every sum as a maximum: tensors (n, channels, height, width) of reaches."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn


def two(values: Sequence[int]) -> list[int]:
    """A setting for height and width; one value serves both."""
    return list(values) * (2 // len(values))


def window_max(
    reach: torch.Tensor, kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int], gap: Sequence[int]
) -> torch.Tensor:
    """The largest of each window; padding sees nothing."""
    around = nn.functional.pad(reach, [pad[1], pad[1], pad[0], pad[0]])
    return nn.functional.max_pool2d(around, list(kernel), list(stride), 0, list(gap))


def convolved(
    reach: torch.Tensor,
    weight: torch.Size,
    stride: Sequence[int],
    pad: Sequence[int],
    gap: Sequence[int],
    groups: int,
) -> torch.Tensor:
    """A convolution: each channel sees what its group's channels see."""
    n, channels, high, wide = reach.shape
    grouped = reach.reshape(n, groups, channels // groups, high, wide).amax(2)
    return window_max(grouped, weight[2:], stride, pad, gap).repeat_interleave(weight[0] // groups, 1)


def transposed(
    reach: torch.Tensor,
    weight: torch.Size,
    stride: Sequence[int],
    pad: Sequence[int],
    gap: Sequence[int],
    more: Sequence[int],
    groups: int,
) -> torch.Tensor:
    """A transposed convolution: a convolution of the map with gaps between its values."""
    n, channels, high, wide = reach.shape
    apart = reach.new_zeros(n, channels, (high - 1) * stride[0] + 1, (wide - 1) * stride[1] + 1)
    apart[:, :, :: stride[0], :: stride[1]] = reach
    ends = [gap[axis] * (weight[2 + axis] - 1) - pad[axis] for axis in (0, 1)]
    around = nn.functional.pad(apart, [ends[1], ends[1] + more[1], ends[0], ends[0] + more[0]])
    grouped = around.reshape(n, groups, channels // groups, *around.shape[2:]).amax(2)
    return window_max(grouped, weight[2:], (1, 1), (0, 0), gap).repeat_interleave(weight[1], 1)


def enlarged(reach: torch.Tensor, enlarge: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """A map made larger or smaller by weights between its rows and columns, which are asked for."""
    high, wide = reach.shape[-2:]
    rows = enlarge(torch.eye(high).reshape(1, high, high, 1).expand(1, high, high, wide))[0, :, :, 0] != 0
    columns = enlarge(torch.eye(wide).reshape(1, wide, 1, wide).expand(1, wide, high, wide))[0, :, 0, :] != 0
    tall = torch.stack([reach[:, :, used].amax(2) for used in rows.T], dim=2)
    return torch.stack([tall[:, :, :, used].amax(3) for used in columns.T], dim=3)


def product(left: Any, right: Any, shape: Sequence[int]) -> torch.Tensor:
    """A product of matrices of reaches, one of which may be constants (None): rows and columns see what they read."""
    parts = [] if left is None else [left.amax(-1, keepdim=True)]
    parts += [] if right is None else [right.amax(-2, keepdim=True)]
    return (torch.maximum(*parts) if len(parts) > 1 else parts[0]).expand(shape).clone()


def attended(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Attention: each place sees all places."""
    everywhere = torch.maximum(keys.amax((-2, -1), keepdim=True), values.amax((-2, -1), keepdim=True))
    most = torch.maximum(query.amax(-1, keepdim=True), everywhere)
    return most.expand(*query.shape[:-1], values.shape[-1]).clone()
