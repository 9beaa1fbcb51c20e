"""Receptive fields against the support of gradients, on copies of networks in which everything is a weighted sum."""

from typing import Any

import networks
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from regraft.inspection.receptive_field import receptive_fields
from regraft.inspection.subject import Subject, maps_of
from regraft.network.backbone import Backbone
from regraft.network.preprocessing import Preprocessing
from regraft.network.tracing import trace

AS_THEY_ARE = {
    "batch_norm", "layer_norm", "relu", "relu_", "relu6", "gelu", "silu", "hardswish", "hardtanh", "leaky_relu",
}  # fmt: skip
GATES = {"sigmoid", "hardsigmoid", "softmax"}


class Linear(TorchFunctionMode):
    """Norms and activations do nothing, gates are open, max pools are averages."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if name in AS_THEY_ARE:
            return args[0]
        if name in GATES:
            return torch.ones_like(args[0])
        if name.startswith(("max_pool2d", "boolean_dispatch")):
            return averaged(*args, **kwargs)
        return func(*args, **kwargs)


def averaged(
    value: torch.Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> torch.Tensor:  # fmt: skip
    """An average pool that takes what a max pool takes."""
    assert dilation == 1 and not return_indices
    return functional.avg_pool2d(value, kernel_size, stride, padding, ceil_mode)


def subject(backbone: Backbone) -> Subject:
    """A network of positive weights, in double precision."""
    for module in backbone.model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            fan = parameter[0].numel() if parameter.dim() > 1 else 1
            parameter.data = torch.full_like(parameter, 0.0 if name == "bias" else 1 / fan, dtype=torch.float64)
    return Subject("network", backbone, ())


def support(value: torch.Tensor, image: torch.Tensor) -> tuple[int, int, int, int] | None:
    """The box of the pixels that a value's gradient reaches; None where there are none."""
    (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
    rows, columns = gradient[0].abs().sum(0).nonzero(as_tuple=True)
    if not len(rows):
        return None
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def check(backbone: Backbone) -> None:
    """Boxes at corners and inside, of the first, a middle and the last channel, at every cut."""
    size = backbone.preprocessing.size
    fields = receptive_fields(Subject("network", backbone, ()))
    image = torch.ones(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    with Linear():
        values = subject(backbone).tapped([field.cut for field in fields])(image)
    for field, value in zip(fields, values, strict=False):
        high, wide = field.shape
        channels = len(field.group_of)
        for at in {
            (0, 0, 0), (channels // 2, high // 2, wide // 2), (channels - 1, high - 1, wide // 3)
        }:  # fmt: skip
            left, top, right, bottom = field.box(*at)
            expected = None if left == right or top == bottom else (left, top, right, bottom)
            assert support(maps_of(value, field.cut)[0][at], image) == expected, (field.cut.name, at)


@pytest.mark.parametrize("name", networks.CONTRACT)
def test_fields_are_the_support_of_gradients(name: str) -> None:
    check(networks.backbone_of(name, slim=True))


@pytest.mark.parametrize(
    ("name", "size"), [("tf_mobilenetv3_small_100", 75), ("torchvision/shufflenet_v2_x0_5", 70), ("dla34", 64)]
)
def test_other_networks(name: str, size: int) -> None:
    check(networks.backbone_of(name, size))


class Odd(nn.Module):
    """Layers that few networks have."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(12, 8, 3, padding="same", dilation=2)
        self.two = nn.Conv2d(8, 8, (5, 1), stride=(2, 1), padding=(1, 0), groups=2)
        self.three = nn.ConvTranspose2d(8, 6, 3, stride=2, padding=1, output_padding=1)
        self.four = nn.Conv2d(6, 6, 3)
        self.five = nn.Conv2d(6, 6, 3, stride=2)
        self.head = nn.Linear(6, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        halves = [images[..., y::2, x::2] for y in (0, 1) for x in (0, 1)]
        value = self.one(torch.cat(halves, 1)).relu()
        value = functional.pad(self.two(value), (1, 0, 0, 2))
        value = self.four(self.three(value))
        value = functional.interpolate(value, scale_factor=0.6, mode="bilinear", align_corners=False)
        value = self.five(functional.max_pool2d(value, 3, 2, 1, ceil_mode=True))
        return self.head(value.mean((2, 3)))


def backbone_of(model: nn.Module, size: int = 64) -> Backbone:
    model.eval()
    backbone = Backbone("odd", None, lambda: model, Preprocessing(size))  # type: ignore[arg-type]
    vars(backbone)["description"] = trace(model, size)
    return backbone


def test_layers_that_few_networks_have() -> None:
    check(backbone_of(Odd()))


def test_the_regular_field_and_its_words() -> None:
    fields = {one.cut.name: one for one in receptive_fields(Subject("r", networks.backbone_of("resnet18", 224), ()))}
    first = fields["maxpool"]
    assert (first.across.size, first.across.stride, first.across.start) == (11, 4, -5)  # of the table in distill.pub
    assert (fields["layer4"].across.size, fields["layer4"].across.stride) == (435, 32)
    assert first.box(0, 0, 0) == (0, 0, 6, 6)
    assert first.box(3, 10, 20) == (75, 35, 86, 46)
    assert first.sentence() == "sees 11 x 11 pixels of 224 x 224, every 4 pixels"
    assert fields["layer4"].covers(0) and not first.covers(0)


def test_a_gate_is_said_to_see_the_whole_image_and_is_not_cropped_for() -> None:
    fields = receptive_fields(Subject("m", networks.backbone_of("mobilenetv3_small_100"), ()))
    assert fields[0].whole == ()
    assert "squeeze and excite" in fields[1].whole[0]
    assert fields[1].size() == (7, 7)


def test_channels_with_fields_of_their_own() -> None:
    fields = receptive_fields(Subject("s", networks.backbone_of("torchvision/squeezenet1_1", 128), ()))
    fire = next(one for one in fields if one.cut.name == "features.3")
    assert fire.size(0) == (7, 7)  # 1 x 1 convolutions
    assert fire.size(127) == (15, 15)  # 3 x 3 convolutions, joined to them


def test_attention_sees_everything_and_patches_before_it_do_not() -> None:
    backbone = networks.backbone_of("vit_tiny_patch16_224", 224)
    embedding, block = receptive_fields(Subject("v", backbone, ()), backbone.cuts[:2])
    assert embedding.box(5, 1, 2) == (32, 16, 48, 32)
    assert block.box(5, 1, 2) == (0, 0, 224, 224)
    assert block.sentence().startswith("sees the whole image")
