"""Depthwise convolutions on a CPU, put together from what oneDNN computes quickly.

It has quick code for their gradients in bf16 only for the input at stride 1 and for filters of 3 x 3; the rest falls to
reference code, many times slower. So the input's gradient at another stride is the convolution of a gradient with zeros
between its values, and a larger filter's gradient is that of 3 x 3 parts of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any, TypeGuard

import torch
from torch import nn
from torch.nn.functional import conv2d, pad

SAME = "Conv2dSame"  # timm's convolution that pads as TensorFlow does
PART = 3  # side of the filters whose gradient is quick


@contextmanager
def quick_depthwise(model: nn.Module, device: torch.device) -> Iterator[None]:
    """On a CPU, let the depthwise convolutions of ``model`` train quickly while this lasts; weights and state stay."""
    changed = [module for module in model.modules() if device.type == "cpu" and is_plain_depthwise(module)]
    for module in changed:
        vars(module)["forward"] = forward_of(module)
    try:
        yield
    finally:
        for module in changed:
            del vars(module)["forward"]


def is_plain_depthwise(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether it is a convolution of one odd square filter of 3 x 3 or more for every channel, without dilation."""
    if not isinstance(module, nn.Conv2d) or (type(module) is not nn.Conv2d and type(module).__name__ != SAME):
        return False  # others may do something to their filters first
    if not 1 < module.groups == module.in_channels == module.out_channels:
        return False
    (side, other), dilation = module.kernel_size, set(module.dilation)
    square = side == other and side % 2 == 1 and side >= PART and module.stride[0] == module.stride[1]
    within = isinstance(module.padding, str) or max(module.padding) < side
    return square and within and dilation == {1} and module.padding_mode == "zeros"


def forward_of(module: nn.Conv2d) -> Any:
    """A forward pass for ``module`` with its own padding, in autocast's precision."""

    def forward(images: torch.Tensor) -> torch.Tensor:
        weight, bias = module.weight, module.bias
        if torch.is_autocast_enabled("cpu"):
            kind = torch.get_autocast_dtype("cpu")
            images, weight, bias = images.to(kind), weight.to(kind), None if bias is None else bias.to(kind)
        stride, side = module.stride[0], module.kernel_size[0]
        around = paddings(module, images.shape[-2:], stride, side)
        padding = around[0] if len(set(around)) == 1 else 0
        images = images if padding or not any(around) else pad(images, around)
        result: torch.Tensor = Depthwise.apply(images, weight, stride, padding)
        return result if bias is None else result + bias[:, None, None]

    return forward


def paddings(module: nn.Conv2d, shape: torch.Size, stride: int, side: int) -> tuple[int, int, int, int]:
    """Zeros at the left, right, top and bottom of images of a ``shape`` (height, width)."""
    own = module.padding
    if own == "valid" or (not isinstance(own, str) and type(module).__name__ != SAME):
        high, wide = (0, 0) if own == "valid" else (int(own[0]), int(own[1]))
        return wide, wide, high, high
    needed = [max((-(-length // stride) - 1) * stride + side - length, 0) for length in shape]  # as TensorFlow pads
    (top, left), (high, wide) = (total // 2 for total in needed), needed
    return left, wide - left, top, high - top


class Depthwise(torch.autograd.Function):
    """The convolution of images (n, channels, height, width) with a filter (channels, 1, side, side) for each."""

    @staticmethod
    def forward(ctx: Any, images: torch.Tensor, weight: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
        """The convolution."""
        images = images.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(images, weight)
        ctx.stride, ctx.padding = stride, padding
        return conv2d(images, weight, None, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None, None]:
        """The gradients of images and weight that are wanted."""
        images, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        of_images = of_weight = None
        if ctx.needs_input_grad[0]:
            of_images = input_gradient(gradient, weight, images.shape[-2:], ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            of_weight = weight_gradient(gradient, images, weight, ctx.stride, ctx.padding)
        return of_images, of_weight, None, None


def input_gradient(
    gradient: torch.Tensor, weight: torch.Tensor, shape: torch.Size, stride: int, padding: int
) -> torch.Tensor:
    """The gradient of images of a ``shape`` (height, width)."""
    side = weight.shape[-1]
    spread = gradient
    sizes = [length + 2 * padding - side + 1 for length in shape]  # of the gradient at stride 1
    if stride > 1 or list(gradient.shape[-2:]) != sizes:
        images, channels = gradient.shape[:2]
        spread = gradient.new_zeros((images, *sizes, channels)).permute(0, 3, 1, 2)  # channels last in memory
        spread[:, :, ::stride, ::stride] = gradient
    return conv2d(spread, weight.flip(2, 3), None, 1, side - 1 - padding, 1, len(weight))


def weight_gradient(
    gradient: torch.Tensor, images: torch.Tensor, weight: torch.Tensor, stride: int, padding: int
) -> torch.Tensor:
    """The gradient of the filters, of 3 x 3 parts of them at a time."""
    side = weight.shape[-1]
    if side == PART:
        return part_gradient(gradient, images, weight, stride, padding)
    images = pad(images, (padding,) * 4) if padding else images
    whole, part = torch.empty_like(weight), weight[:, :, :PART, :PART].contiguous()
    high, wide = ((length - 1) * stride + PART for length in gradient.shape[-2:])
    for top, left in product(range(0, side - PART + 1, PART - 1), repeat=2):
        below = images[:, :, top : top + high, left : left + wide].contiguous(memory_format=torch.channels_last)
        whole[:, :, top : top + PART, left : left + PART] = part_gradient(gradient, below, part, stride, 0)
    return whole


def part_gradient(
    gradient: torch.Tensor, images: torch.Tensor, weight: torch.Tensor, stride: int, padding: int
) -> torch.Tensor:
    """As oneDNN has it."""
    arguments = [0], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], len(weight), [False, True, False]
    result: torch.Tensor = torch.ops.aten.convolution_backward(gradient, images, weight, *arguments)[1]
    return result
