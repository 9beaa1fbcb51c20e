"""Depthwise convolutions train quickly on the CPU, and give what torch gives."""

from typing import Any

import pytest
import timm
import torch
from timm.layers import create_conv2d
from torch import nn

from regraft.training.depthwise import is_plain_depthwise, quick_depthwise

CPU = torch.device("cpu")


def test_which_are_taken() -> None:
    assert is_plain_depthwise(nn.Conv2d(8, 8, 3, groups=8))
    assert is_plain_depthwise(nn.Conv2d(8, 8, 7, stride=2, padding=3, groups=8))
    others = [
        nn.Conv2d(8, 16, 3, groups=8),
        nn.Conv2d(8, 8, 3),
        nn.Conv2d(8, 8, 3, groups=2),
        nn.Conv2d(1, 8, 3),
        nn.Conv2d(8, 8, 1, groups=8),
        nn.Conv2d(8, 8, (3, 5), groups=8),
        nn.Conv2d(8, 8, 4, groups=8),
        nn.Conv2d(8, 8, 3, dilation=2, groups=8),
        nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular", groups=8),
        nn.Conv2d(8, 8, 3, stride=(1, 2), groups=8),
    ]
    assert not any(is_plain_depthwise(other) for other in others)


def outputs(module: nn.Module, images: torch.Tensor, gradient: torch.Tensor | None = None) -> list[Any]:
    """The result, and the gradients of images and parameters."""
    images = images.clone().requires_grad_()
    result = module(images)
    gradient = torch.linspace(-1, 1, result.numel()).view(result.shape) if gradient is None else gradient
    return [result, *torch.autograd.grad(result, [images, *module.parameters()], gradient)]


@pytest.mark.parametrize("side", [3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", ["", "same", 0])
@pytest.mark.parametrize("bias", [False, True])
def test_as_torch_has_it(side: int, stride: int, padding: Any, bias: bool) -> None:
    torch.manual_seed(0)
    for high, wide in ((15, 18), (16, 19), (17, 17)):
        module = create_conv2d(8, 8, side, stride=stride, padding=padding, depthwise=True, bias=bias)
        images = torch.randn(2, 8, high, wide)
        expected = outputs(module, images)
        with quick_depthwise(nn.Sequential(module), CPU):
            found = outputs(module, images)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_in_autocasts_precision() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 5, 2, 2, groups=8), nn.Conv2d(8, 4, 1))
    images = torch.randn(2, 3, 16, 16)
    expected = outputs(model, images)
    with torch.autocast("cpu", torch.bfloat16), quick_depthwise(model, CPU):
        found = outputs(model, images, torch.linspace(-1, 1, 512).view(2, 4, 8, 8).bfloat16())
    assert found[0].dtype == torch.bfloat16
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.float(), other, rtol=0.05, atol=0.05 * float(other.detach().abs().max()))


def test_nothing_stays_changed() -> None:
    model = timm.create_model("mobilenetv3_small_050")
    names = list(model.state_dict())
    with quick_depthwise(model, CPU):
        changed = [module for module in model.modules() if "forward" in vars(module)]
        assert changed
        assert list(model.state_dict()) == names
    assert not any("forward" in vars(module) for module in changed)


def test_other_devices_are_left_alone() -> None:
    model = nn.Sequential(nn.Conv2d(8, 8, 3, groups=8))
    with quick_depthwise(model, torch.device("meta")):
        assert "forward" not in vars(model[0])
