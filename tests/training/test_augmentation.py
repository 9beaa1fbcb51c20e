"""Random views and mixed labels."""

import pytest
import torch

from regraft.training.augmentation import PRESETS, mixing, training_view

SIZE = 32


def test_views_have_the_networks_size_and_differ() -> None:
    image = torch.randint(0, 255, (3, 50, 70), dtype=torch.uint8)
    for preset in PRESETS:
        view = training_view(preset, SIZE, flip=True)
        assert view(image).shape == (3, SIZE, SIZE)
        assert torch.equal(view(image), view(image)) == (preset == "none")


@pytest.mark.parametrize("name", ["mixup", "cutmix", "both"])
def test_mixed_labels_are_shares(name: str) -> None:
    torch.manual_seed(0)
    mix = mixing(name, 3)
    assert mix is not None
    images, labels = mix(torch.rand(6, 3, 8, 8), torch.arange(6) % 3)
    assert images.shape == (6, 3, 8, 8)
    torch.testing.assert_close(labels.sum(1), torch.ones(6))
    assert mixing("none", 3) is None
