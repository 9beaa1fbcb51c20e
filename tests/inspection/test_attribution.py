"""Attributions: right where they can be known, on frozen networks, runs with several cuts, networks without space."""

import builtins
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from networks import backbone_of
from scenes import scene

from regraft.errors import BackboneError, RecipeError
from regraft.inspection.answers import class_of, probabilities
from regraft.inspection.attribution import METHODS, grad_cam, integrated_gradients, occlusion
from regraft.inspection.subject import Subject
from regraft.network.engine import pytorch_engine
from regraft.network.graft import Graft
from regraft.network.head import Head

SIZE, CLASSES = 64, ("ants", "bees", "wasps")


def in_torch(subject: Subject) -> Subject:
    """The same, run by torch, which takes no time to compile."""
    vars(subject)["engine"] = pytorch_engine(subject.tapped(), subject.preprocessing, "cpu")
    return subject


def run_on(name: str, *cuts: int) -> Subject:
    """A run with a random head on some cuts of a random network."""
    backbone, draw = backbone_of(name), np.random.default_rng(0)
    own = tuple(backbone.cuts[place] for place in cuts)
    inputs = sum(cut.channels for cut in own)
    head = Head((draw.normal(0, 0.1, (3, inputs)).astype(np.float32),), (np.zeros(3, np.float32),))
    return in_torch(Subject("run", backbone, CLASSES, Graft(backbone, own, head)))


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.stack([np.asarray(scene(seed).convert("RGB").resize((SIZE, SIZE))) for seed in range(3)])


def test_grad_cam_is_a_weighted_sum_of_the_channels(pixels: np.ndarray) -> None:
    run = run_on("resnet18", -1)
    assert run.graft is not None
    given = [0, 2, 1]
    explained = grad_cam(run, pixels, given)
    cut = run.spatial_cuts[-1]
    assert explained.cut == cut == run.graft.cuts[0]
    with torch.no_grad():
        value, _ = run.tapped((cut,))(run.input_of(pixels))
    weights = run.graft.head.weights[0][given] / (value.shape[2] * value.shape[3])  # the slopes of an average
    assert explained.values == pytest.approx(np.einsum("ic,ichw->ihw", weights, value.numpy()), rel=1e-3, abs=1e-5)
    assert explained.labels.tolist() == given
    assert not any(parameter.requires_grad for parameter in run.frozen_copy.parameters())


@pytest.mark.parametrize("cuts", [(2,), (1, -1), (0, 2, 3)])
@pytest.mark.parametrize("name", ["resnet18", "torchvision/squeezenet1_1"])
def test_runs_with_early_or_several_cuts(name: str, cuts: tuple[int, ...], pixels: np.ndarray) -> None:
    run = run_on(name, *cuts)
    explained = grad_cam(run, pixels)
    assert explained.cut == run.cuts[-1]
    assert explained.values.any()
    assert np.array_equal(explained.labels, probabilities(run, pixels).argmax(1))
    assert bool(explained.notes) == (len(cuts) > 1)


def test_integrated_gradients_add_up_to_the_logit(pixels: np.ndarray) -> None:
    run = run_on("resnet18", -1)
    explained = integrated_gradients(run, pixels[:1], [1], steps=64)
    images = torch.cat([run.input_of(pixels[:1]), torch.zeros(1, 3, SIZE, SIZE)])
    with torch.no_grad():
        logits = run.tapped()(images)[-1][:, 1]
    assert explained.values.shape == (1, SIZE, SIZE)
    assert explained.values.sum() == pytest.approx(float(logits[0] - logits[1]), rel=0.05)


def test_occlusion_finds_the_only_place_that_counts() -> None:
    class Corner(Subject):
        pass

    run = run_on("resnet18", -1)
    corner = Corner("corner", run.backbone, CLASSES, run.graft)
    engine = replace(
        run.engine, run=lambda some: [np.stack([some[:, :16, :16].mean((1, 2, 3)), *np.zeros((2, len(some)))], 1)]
    )
    vars(corner)["engine"] = engine
    values = occlusion(corner, np.full((1, SIZE, SIZE, 3), 255, np.uint8), [0]).values[0]
    assert values[:12, :12].min() > 0
    assert not values[32:, 32:].any()


def test_methods_repeat_themselves(pixels: np.ndarray) -> None:
    run = run_on("torchvision/squeezenet1_1", -1)
    for explain in METHODS.values():
        state = torch.get_rng_state()
        assert np.array_equal(explain(run, pixels[:1], None).values, explain(run, pixels[:1], None).values)
        assert torch.equal(state, torch.get_rng_state())


def test_networks_without_space_say_what_works(pixels: np.ndarray) -> None:
    class Flat(Subject):
        @property
        def spatial_cuts(self) -> tuple[Any, ...]:
            return ()

    run = run_on("resnet18", -1)
    flat = in_torch(Flat("tokens", run.backbone, CLASSES, run.graft))
    with pytest.raises(BackboneError, match="integrated gradients and occlusion work"):
        grad_cam(flat, pixels)
    assert integrated_gradients(flat, pixels[:1]).values.any()
    no_space = replace(run.cuts[-1], axes=(), stride=0)
    with pytest.raises(BackboneError, match="it works at"):
        grad_cam(run, pixels, cut=no_space)


def test_a_vision_transformer_has_no_grad_cam(pixels: np.ndarray) -> None:
    subject = Subject("deit_tiny_patch16_224", backbone_of("deit_tiny_patch16_224", 224), ())
    with pytest.raises(BackboneError, match="keeps no grid of places"):
        grad_cam(subject, pixels)


def test_a_network_without_a_classifier_is_told(pixels: np.ndarray) -> None:
    backbone = backbone_of("resnet18")
    headless = replace(backbone, build=lambda: backbone.model)
    model = backbone.architecture.build().eval()
    model.num_classes = 0
    vars(headless)["model"] = model
    with pytest.raises(BackboneError, match="has no classifier"):
        grad_cam(Subject("headless", headless, ()), pixels)


def test_classes_are_named_or_numbered(pixels: np.ndarray) -> None:
    run = run_on("resnet18", -1)
    assert class_of(run, "bees") == class_of(run, 1) == class_of(run, "1") == 1
    with pytest.raises(RecipeError, match="did you mean bees"):
        class_of(run, "beese")
    with pytest.raises(RecipeError, match="it has ants, bees, wasps"):
        grad_cam(run, pixels, [0, 1, 3])
    with pytest.raises(RecipeError, match="3 images have 1 classes"):
        grad_cam(run, pixels, [0])


def test_without_captum_the_extra_is_named(pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name.startswith("captum"):
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    for explain in (integrated_gradients, occlusion):
        with pytest.raises(RecipeError, match=r"regraft\[look\]"):
            explain(run_on("resnet18", -1), pixels)
