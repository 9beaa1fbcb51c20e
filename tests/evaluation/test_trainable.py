"""A run as a module that trains on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import regraft
from regraft import BackboneError, Classifier, Recipe, RecipeError

FAST = Recipe(image_size=32, strategy="head")


def norms_of(module: nn.Module) -> list[nn.BatchNorm2d]:
    return [one for one in module.modules() if isinstance(one, nn.BatchNorm2d)]


def images_for(classifier: Classifier, count: int = 8) -> torch.Tensor:
    draw = np.random.default_rng(0)
    size = classifier.preprocessing.size
    pixels = torch.from_numpy(draw.integers(0, 256, (count, size, size, 3), dtype=np.uint8))
    return classifier.preprocessing.normalise(pixels)


def moved(module: nn.Module, images: torch.Tensor) -> int:
    """How many batch norms' statistics a forward pass in training moves."""
    module.train()
    before = [norm.running_mean.clone() for norm in norms_of(module)]
    module(images)
    return sum(not torch.equal(old, norm.running_mean) for old, norm in zip(before, norms_of(module), strict=True))


@pytest.fixture
def head_run(make_folder: Callable[..., Path], tmp_path: Path) -> Path:
    return regraft.train(make_folder(each=10), FAST, tmp_path / "run").folder


def test_it_is_a_copy_that_gives_the_same_answers_and_learns(head_run: Path) -> None:
    classifier = regraft.load(head_run)
    module, images = classifier.trainable(), images_for(classifier)
    with torch.no_grad():
        expected = classifier.module(images)
        torch.testing.assert_close(module(images), expected, rtol=1e-4, atol=1e-4)
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert any(parameter.ndim == 4 for parameter in module.parameters())
    module.train()
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    nn.functional.cross_entropy(module(images), torch.arange(8) % 2).backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    optimiser.step()
    with torch.no_grad():
        assert not torch.equal(module.eval()(images), expected)
        torch.testing.assert_close(classifier.module(images), expected)


def test_running_statistics_adapt_where_they_are_to(head_run: Path) -> None:
    classifier = regraft.load(head_run)
    images = images_for(classifier)
    module = classifier.trainable(batch_norm="adapt")
    assert moved(module, images) == len(norms_of(module)) > 0
    assert moved(classifier.trainable(), images) == 0  # the head was solved on what they give
    part = classifier.trainable("adapt", unfreeze_from="blocks.1")
    assert 0 < moved(part, images) < len(norms_of(part))
    assert 0 < sum(parameter.requires_grad for parameter in part.parameters()) < len(list(part.parameters()))
    with pytest.raises(RecipeError, match="choose one of auto, adapt, frozen"):
        classifier.trainable("on")
    with pytest.raises(BackboneError, match="no cut 'nowhere'"):
        classifier.trainable(unfreeze_from="nowhere")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "adapt"),
    [
        ({"strategy": "from-scratch"}, True),
        ({"strategy": "fine-tune", "batch_norm": "adapt"}, True),
        ({"strategy": "fine-tune"}, False),
        ({"strategy": "fine-tune", "large_from": 2}, True),
        ({"strategy": "fine-tune", "large_from": 2, "batch_size": 8}, False),
        ({"strategy": "fine-tune", "head_start": "random"}, True),
    ],
)
def test_the_recipe_says_whether_they_adapt(
    settings: dict[str, object], adapt: bool, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    recipe = Recipe(image_size=32, epochs=1, flip="no").but(**settings)
    classifier = regraft.load(regraft.train(make_folder(each=12), recipe, tmp_path / "run").folder)
    module = classifier.trainable()
    assert moved(module, images_for(classifier)) == adapt * len(norms_of(module))


def test_a_model_folder_alone_keeps_its_statistics(head_run: Path) -> None:
    classifier = regraft.load(head_run / "model")
    assert moved(classifier.trainable(), images_for(classifier)) == 0
