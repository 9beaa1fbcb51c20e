"""Layers that read windows of a map, and products of matrices, with every sum as a maximum.

``Any`` stands for a Reach, or for a constant; bare tensors (n, channels, height, width) hold reaches.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from regraft.inspection.reach_marks import elementwise, everything, is_followed, plain, summary, wrapped

FLAT = 3  # dimensions of (images, channels, length)


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


def convolution(func: Any, followed: Sequence[Any], value: Any, weight: Any, _bias: Any, *geometry: Any) -> Any:
    """A convolution over two dimensions, or over one, which is taken for a row."""
    flat = value.dim() == FLAT
    if not is_followed(value) or is_followed(weight) or not (flat or value.dim() == FLAT + 1):
        return everything(func, (value, weight, _bias, *geometry), {}, followed)
    stride, pad, gap, backwards, more, groups = geometry
    row = (lambda values, fill: [fill, *values]) if flat else (lambda values, _fill: two(values))
    stride, pad, gap, more = row(stride, 1), row(pad, 0), row(gap, 1), row(more, 0)
    reach, shape = (value.reach.unsqueeze(2), weight.unsqueeze(2).shape) if flat else (value.reach, weight.shape)
    if backwards:
        made = transposed(reach, shape, stride, pad, gap, more, groups)
        return value.like(made.squeeze(2) if flat else made, line=None)
    made = convolved(reach, shape, stride, pad, gap, groups)
    line = value.line and value.line.through(shape[2:], stride, pad, gap)
    return value.like(made.squeeze(2) if flat else made, line=line)


def max_pool(
    func: Any, followed: Sequence[Any], value: Any, kernel: Any, stride: Any = (), *args: Any, **kwargs: Any
) -> Any:
    """Max pooling, whose second result is where the largest lay."""
    pad, gap = (two(args[place]) if len(args) > place else [place, place] for place in (0, 1))
    reach, places = func(value.reach, kernel, stride, *args, **kwargs)
    line = value.line and value.line.through(two(kernel), two(stride or kernel), pad, gap)
    return summary(reach, value) if reach[0, 0].numel() == 1 else value.like(reach, line=line), places


def average_pool(
    _func: Any, followed: Sequence[Any], value: Any, kernel: Any, stride: Any = (), pad: Any = (0,), *args: Any
) -> Any:
    """Average pooling."""
    kernel, stride, pad = two(kernel), two(stride or kernel), two(pad)
    ceiling = bool(args and args[0])
    reach = nn.functional.max_pool2d(value.reach, kernel, stride, pad, ceil_mode=ceiling)
    line = value.line and value.line.through(kernel, stride, pad, (1, 1))
    return summary(reach, value) if reach[0, 0].numel() == 1 else value.like(reach, line=line)


def adaptive_pool(_func: Any, followed: Sequence[Any], value: Any, size: Any) -> Any:
    """Pooling to a number of positions."""
    reach = nn.functional.adaptive_max_pool2d(value.reach, two(size))
    same_size = reach.shape == value.shape
    return value if same_size else summary(reach, value) if reach[0, 0].numel() == 1 else value.like(reach, line=None)


def adaptive_max(func: Any, followed: Sequence[Any], value: Any, size: Any) -> Any:
    """The same with where the largest lay."""
    return adaptive_pool(func, followed, value, size), func(value.reach, size)[1]


def upsampled(func: Any, followed: Sequence[Any], value: Any, *args: Any, **kwargs: Any) -> Any:
    """A map made larger or smaller."""
    return value.like(enlarged(value.reach, lambda map_: func(map_, *args, **kwargs)), line=None)


def multiplied(func: Any, followed: Sequence[Any], left: Any, right: Any) -> Any:
    """Matrices."""
    shape = (*left.shape[:-1], right.shape[-1])
    rows, columns = (one.reach if is_followed(one) else None for one in (left, right))
    return wrapped(product(rows, columns, shape), followed)


def added_product(func: Any, followed: Sequence[Any], _bias: Any, left: Any, right: Any, **_scales: Any) -> Any:
    """Matrices and what is added to them, which sees nothing where it is a constant."""
    made = multiplied(func, [one for one in (left, right) if is_followed(one)], left, right)
    return elementwise(func, [made, _bias], made, _bias) if is_followed(_bias) else made


def attention(func: Any, followed: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
    """Attention in one operation; what else it gives is for its backward pass."""
    if not all(is_followed(one) for one in args[:3]):
        return everything(func, args, kwargs, followed)
    query, keys, values = plain(args[:3])
    _, *others = func(*plain(args), **plain(kwargs))
    return wrapped((attended(query, keys, values), *others), followed)


WINDOWS: dict[str, Callable[..., Any]] = {
    "convolution": convolution,
    "max_pool2d_with_indices": max_pool,
    "avg_pool2d": average_pool,
    "_adaptive_avg_pool2d": adaptive_pool,
    "adaptive_max_pool2d": adaptive_max,
    **dict.fromkeys(("mm", "bmm"), multiplied),
    **dict.fromkeys(("addmm", "baddbmm"), added_product),
    **dict.fromkeys(
        (f"{aa}upsample_{kind}2d{aa and '_aa'}" for aa in ("", "_") for kind in ("bilinear", "bicubic")), upsampled
    ),
    **dict.fromkeys(
        ("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_efficient_attention"), attention
    ),
}
