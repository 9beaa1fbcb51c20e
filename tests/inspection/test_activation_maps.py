"""Activation maps: in order of strength, as the network computes them, and their pictures."""

import numpy as np
import pytest
import torch
from networks import backbone_of
from scenes import scene

from regraft.inspection.activation_maps import activation_maps, strongest_first
from regraft.inspection.chapters.activation_maps import chapter_of
from regraft.inspection.pictures import Picture
from regraft.inspection.subject import Subject, maps_of

SIZE = 64


def picture() -> Picture:
    pixels = np.asarray(scene(1).convert("RGB").resize((SIZE, SIZE)))
    return Picture(0, "scene.png", 0, pixels)


@pytest.mark.parametrize("name", ["resnet18", "torchvision/squeezenet1_1", "convnext_atto"])
def test_maps_are_what_the_network_computes_strongest_first(name: str) -> None:
    subject, one = Subject(name, backbone_of(name), ()), picture()
    layers = activation_maps(subject, one.pixels)
    assert [layer.cut for layer in layers] == list(subject.cuts)
    with torch.no_grad():
        *values, _ = subject.tapped(subject.cuts)(subject.input_of(np.stack([one.pixels])))
    for layer, value in zip(layers, values, strict=True):
        own = maps_of(value, layer.cut)[0].numpy()
        assert layer.maps.shape == own.shape
        assert np.array_equal(layer.maps, own[layer.channels])
        assert (np.diff(layer.strengths) <= 0).all()
        assert layer.strengths[0] == pytest.approx(own.clip(0).mean((1, 2)).max())


def test_only_the_asked_cuts_are_looked_at() -> None:
    subject = Subject("resnet18", backbone_of("resnet18"), ())
    (layer,) = activation_maps(subject, picture().pixels, subject.cuts[1:2])
    assert layer.cut == subject.cuts[1]


def test_the_chapter_names_the_channels() -> None:
    subject, one = Subject("resnet18", backbone_of("resnet18"), ()), picture()
    chapter = chapter_of(subject, one, shown=3)
    spatial = [layer for layer in activation_maps(subject, one.pixels) if layer.maps[0].size > 1]
    assert [figure.cut for figure in chapter.figures] == [None, *(layer.cut.name for layer in spatial)]
    for figure, layer in zip(chapter.figures[1:], spatial, strict=True):
        assert ", ".join(map(str, layer.channels[:3])) in figure.caption
        assert figure.warning is None


def test_channels_that_do_not_fire_are_said_and_not_drawn() -> None:
    from regraft.inspection.chapters.activation_maps import figure_of

    cut = backbone_of("resnet18").cuts[0]
    some = strongest_first(torch.stack([-torch.ones(4, 4), torch.eye(4), torch.zeros(4, 4)]), cut)
    assert some.silent == 2
    assert "Its strongest channels: 1. 2 of 3 channels fire nowhere" in figure_of(some, picture(), 8).caption
    none = figure_of(strongest_first(torch.zeros(3, 4, 4), cut), picture(), 8)
    assert none.warning == "No channel of this layer fires on this image."
