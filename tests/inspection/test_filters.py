"""Kernels as a network applies them, and how far they moved."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from looked_at import Flat, Small, backbone, trained
from networks import CONTRACT, backbone_of
from torch import nn

from regraft.errors import BackboneError
from regraft.inspection.chapters.filters import chapter_of, figure_of, without_faint
from regraft.inspection.filters import Filters, applied, depthwise_filters, first_filters
from regraft.inspection.subject import Subject


def subject_of(made: object) -> Subject:
    return Subject("made", made, ())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["resnet18", "torchvision/squeezenet1_1", "mobilenetv3_small_100", "convnext_atto"])
def test_the_first_convolution_is_the_one_that_sees_the_image(name: str) -> None:
    assert name in CONTRACT
    subject = subject_of(backbone_of(name))
    first = first_filters(subject)
    layer = next(module for module in subject.backbone.model.modules() if isinstance(module, nn.Conv2d))
    assert first.kernels.shape[1] == first.looks_at == 3
    assert np.array_equal(first.kernels, layer.weight.detach().numpy())
    assert first.moved is None


def test_depthwise_kernels_look_at_one_channel() -> None:
    layers = depthwise_filters(subject_of(backbone_of("mobilenetv3_small_100")))
    assert len(layers) == 11
    assert {layer.kernels.shape[1] for layer in layers} == {1}
    assert depthwise_filters(subject_of(backbone_of("torchvision/squeezenet1_1"))) == ()


def test_weights_are_those_that_a_layer_applies() -> None:
    from timm.layers import StdConv2d

    layer = StdConv2d(3, 4, 3).eval()
    assert np.abs(applied(layer).mean((1, 2, 3))).max() < 1e-6  # it takes the mean off before it convolves
    assert float(layer.weight.detach().mean((1, 2, 3)).abs().max()) > 1e-3


@pytest.mark.parametrize("name", ["nf_resnet26", "tf_mobilenetv3_small_100"])
def test_layers_of_a_kind_of_their_own_are_found(name: str) -> None:
    first = first_filters(subject_of(backbone_of(name)))
    assert first.looks_at == 3
    assert "stem" in first.layer


def test_those_that_moved_furthest_come_first() -> None:
    def change(model: nn.Module) -> None:
        model.stem[0].weight[5] *= 1.5
        model.stem[0].weight[2] *= 1.1

    subject = trained(change)
    first = first_filters(subject)
    assert first.moved is not None
    assert np.allclose(first.moved[[5, 2, 0]], [0.5, 0.1, 0], atol=1e-6)
    assert first.order[:2].tolist() == [5, 2]
    chapter = chapter_of(subject)
    assert chapter.notes[0] == "stem.0: the median kernel moved by 0.0%, the furthest by 50.0%."
    assert chapter.notes[1] == "middle.0: no kernel moved."


def test_a_kernel_that_was_zero_moved_without_bounds() -> None:
    def change(model: nn.Module) -> None:
        model.stem[0].weight[1] = 1

    subject = trained(change)
    assert subject.before is not None
    with torch.no_grad():
        subject.before.model.stem[0].weight[1] = 0
    moved = first_filters(subject).moved
    assert moved is not None
    assert np.isinf(moved[1])
    assert "was zero" in chapter_of(subject).notes[0]


def test_a_grey_stem_is_shown_in_grey() -> None:
    chapter = chapter_of(subject_of(backbone(lambda: Small(grey=True))))
    stem, middle = chapter.figures
    colours = np.asarray(stem.picture)
    assert (colours == colours[..., :1]).all()
    assert "grey images" in stem.caption
    colours = np.asarray(middle.picture)
    assert (colours != colours[..., :1]).any()  # blue and red


def test_without_convolutions_it_says_what_works() -> None:
    with pytest.raises(BackboneError, match=r"no two-dimensional convolution.*map of the images"):
        chapter_of(subject_of(backbone(Flat)))


def test_a_run_shows_no_layer_that_it_threw_away() -> None:
    subject = trained(lambda model: None)
    assert subject.graft is not None
    assert len(depthwise_filters(subject)) == 1
    early = replace(subject, graft=replace(subject.graft, cuts=(subject.backbone.cuts[0],)), before=None)
    assert len(depthwise_filters(early)) == 0


def test_a_kernel_that_adds_next_to_nothing_is_drawn_as_zero() -> None:
    kernels = np.ones((3, 3, 2, 2), np.float32)
    kernels[1] *= 1e-7
    drawn, zero = without_faint(kernels)
    assert zero.tolist() == [False, True, False]
    assert not drawn[1].any()
    assert figure_of(Filters("stem", kernels, None, 3)).caption.startswith("All 3 kernels")
    assert figure_of(Filters("stem", kernels, None, 3), 2).caption.startswith("The first 2 of the 3")
    assert "that moved furthest" in figure_of(Filters("stem", kernels, kernels, 3), 2).caption
