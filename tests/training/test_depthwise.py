"""Depthwise convolutions leave autocast while a network is trained on the CPU."""

import timm
import torch
from torch import nn

from regraft.training.depthwise import depthwise_in_float32, is_depthwise

CPU = torch.device("cpu")


def test_which_are_depthwise() -> None:
    assert is_depthwise(nn.Conv2d(8, 8, 3, groups=8))
    assert is_depthwise(nn.Conv2d(8, 16, 3, groups=8))
    assert not is_depthwise(nn.Conv2d(8, 8, 3))
    assert not is_depthwise(nn.Conv2d(8, 8, 3, groups=2))
    assert not is_depthwise(nn.Conv2d(1, 8, 3))


def test_computed_in_float32_and_given_back_as_it_came() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 4, 1))
    seen: list[torch.dtype] = []
    plain = model[1]._conv_forward
    model[1]._conv_forward = lambda images, *rest: seen.append(images.dtype) or plain(images, *rest)
    images = torch.randn(2, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        model(images)
        with depthwise_in_float32(model, CPU):
            inside = model[:2](images)
            model(images).sum().backward()
        model(images)
    assert seen == [torch.bfloat16, torch.float32, torch.float32, torch.bfloat16]
    assert inside.dtype == torch.bfloat16
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_nothing_stays_changed() -> None:
    model = timm.create_model("mobilenetv3_small_050")
    names = list(model.state_dict())
    with depthwise_in_float32(model, CPU):
        assert any("forward" in vars(module) for module in model.modules())
        assert list(model.state_dict()) == names
    assert not any("forward" in vars(module) for module in model.modules())
    with depthwise_in_float32(model, torch.device("meta")):
        assert not any("forward" in vars(module) for module in model.modules())
