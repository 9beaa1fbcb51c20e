"""The ReLU rule: it is followed by every unit that is like a ReLU, and changes nothing where there is none."""

from collections.abc import Callable

import networks
import numpy as np
import pytest
import torch
from test_receptive_field import backbone_of
from torch import nn
from torch.nn import functional

from regraft.errors import RecipeError
from regraft.inspection.rectified import DECONVOLUTION, GUIDED, Reconstruction, rectifies
from regraft.inspection.subject import Subject, maps_of
from regraft.network.backbone import Backbone


def gradient_of(subject: Subject, pixels: np.ndarray, channel: int) -> torch.Tensor:
    """The plain gradient of one value at the last place."""
    cut = subject.spatial_cuts[-1]
    images = subject.input_of(pixels).requires_grad_(True)
    value = maps_of(subject.tapped([cut])(images)[0], cut)
    (gradient,) = torch.autograd.grad(value[:, channel, 0, 0].sum(), images)
    return gradient


def rectified(backbone: Backbone, rule: str = GUIDED) -> tuple[torch.Tensor, torch.Tensor, Reconstruction]:
    """Plain gradient and reconstruction of the last cut's value at its strongest channel, and what made it."""
    subject, size = Subject("network", backbone, ()), backbone.preprocessing.size
    pixels = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    cut = subject.spatial_cuts[-1]
    with torch.no_grad():
        value = maps_of(subject.tapped([cut])(subject.input_of(pixels))[0], cut)
    channel = int(value[:, :, 0, 0].amin(0).argmax())
    make = Reconstruction(subject, cut, rule)
    return gradient_of(subject, pixels, channel), make(pixels, [channel] * 2, [(0, 0)] * 2), make


@pytest.mark.parametrize("name", networks.CONTRACT)
def test_the_rule_changes_the_gradient_on_every_network(name: str) -> None:
    backbone = networks.backbone_of(name, slim=True)
    for parameter_name, parameter in backbone.model.named_parameters():
        if parameter_name.endswith("gamma"):  # random ConvNeXts start with branches that are next to nothing
            parameter.data.fill_(1)
    plain, guided, make = rectified(backbone)
    assert make.units > 0
    assert torch.isfinite(guided).all() and guided.abs().max() > 0
    assert not torch.allclose(plain, guided, rtol=1e-2, atol=1e-4 * float(plain.abs().max()))


class Written(nn.Module):
    """A small network whose activation is called as the test says."""

    def __init__(self, activation: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.third, self.head = nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 2)
        self.activation = activation

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        value = self.second(self.activation(self.first(images)))
        return self.head(self.third(self.activation(value)).mean((2, 3)))


class Swish(nn.Module):
    """SiLU in two operations."""

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """x times its sigmoid."""
        return value * value.sigmoid()


WAYS = {
    "F.relu": functional.relu, "torch.relu": torch.relu, "method": lambda x: x.relu(), "in place": lambda x: x.relu_(),
    "clamp": lambda x: x.clamp(min=0), "clamp_min": lambda x: x.clamp_min(0), "relu6": functional.relu6,
    "ReLU6": nn.ReLU6(inplace=True), "SiLU": nn.SiLU(), "GELU": nn.GELU(), "Hardswish": nn.Hardswish(),
    "PReLU": nn.PReLU(8), "silu": functional.silu, "two operations": Swish(), "Sequential": nn.Sequential(nn.ReLU()),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_written(way: str) -> None:
    torch.manual_seed(1)
    backbone = backbone_of(Written(WAYS[way]), 16)
    plain, guided, make = rectified(backbone)
    assert make.units == 2
    assert not torch.allclose(plain, guided, rtol=1e-2, atol=1e-4 * float(plain.abs().max()))
    other = rectified(backbone, DECONVOLUTION)[1]
    assert not torch.allclose(other, guided)


@pytest.mark.parametrize("activation", [nn.Identity(), nn.Tanh(), nn.Sigmoid()])
def test_without_such_units_it_is_the_gradient(activation: nn.Module) -> None:
    plain, guided, make = rectified(backbone_of(Written(activation), 16))
    assert make.units == 0
    assert torch.equal(plain, guided)


def test_the_rule_by_hand() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 2, 1, bias=False), nn.ReLU(), nn.Conv2d(2, 1, 1, bias=False), nn.Flatten(), nn.Linear(4, 2)
    )
    model[0].weight.data = torch.tensor([[1.0, 1, 1], [-1, -1, -1]]).reshape(2, 3, 1, 1)
    model[2].weight.data = torch.tensor([[2.0, 3]]).reshape(1, 2, 1, 1)
    subject = Subject("n", backbone_of(model, 2), ())
    pixels = np.full((1, 2, 2, 3), 255, np.uint8)  # above the mean: the first unit is on, the second off
    for rule, expected in ((GUIDED, 2.0), (DECONVOLUTION, 2.0 - 3.0)):
        made = Reconstruction(subject, subject.backbone.cut_of("2"), rule)(pixels, [0], [(1, 0)])
        assert made[0, :, 1, 0].tolist() == [expected] * 3
        assert made.count_nonzero() == 3


def test_what_is_like_a_relu() -> None:
    assert all(rectifies(one) for one in (torch.relu, functional.elu, nn.LeakyReLU(), nn.Mish()))
    assert not any(rectifies(one) for one in (torch.tanh, torch.sigmoid, nn.Hardsigmoid(), nn.Identity(), torch.neg))


def test_the_network_that_is_looked_at_stays_as_it_is() -> None:
    subject = Subject("n", networks.backbone_of("densenet121"), ())
    names = [type(module).__name__ for module in subject.frozen_copy.modules()]
    Reconstruction(subject, subject.spatial_cuts[0])
    assert names == [type(module).__name__ for module in subject.frozen_copy.modules()]


def test_another_rule_is_refused() -> None:
    subject = Subject("n", networks.backbone_of("resnet18"), ())
    with pytest.raises(RecipeError, match="no rule 'magic'"):
        Reconstruction(subject, subject.spatial_cuts[0], "magic")
