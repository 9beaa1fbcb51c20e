"""DeepDream strengthens what a cut answers to, repeatably, on images of any size."""

import numpy as np
import torch
from inspection.test_feature_visualisation import SIZE, small
from networks import backbone_of
from PIL import Image
from scenes import scene

from regraft.inspection.deep_dream import deep_dream, middle_cut
from regraft.inspection.subject import Subject


def colour(width: int = 90, height: int = 60) -> Image.Image:
    return scene(3, width, height).convert("RGB")


def test_it_strengthens_what_the_cut_answers_to() -> None:
    subject = small()
    dream = deep_dream(subject, colour(), subject.cut_of("second"), steps=4)
    assert dream.after > dream.before
    assert dream.picture.shape == dream.image.shape == (2 * SIZE, 2 * SIZE, 3)
    change = np.abs(dream.picture.astype(int) - dream.image)
    assert 2 < change.mean() < 60  # another picture, but of the same image


def test_a_channel_alone_can_be_dreamt() -> None:
    subject = small()
    dream = deep_dream(subject, colour(), subject.cut_of("second"), channel=1, steps=3, octaves=(1.0,))
    assert dream.after > dream.before and dream.picture.shape == (SIZE, SIZE, 3)


def test_the_same_seed_gives_the_same_picture_and_leaves_random_state_alone() -> None:
    subject = small()
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first, second = (deep_dream(subject, colour(), steps=2) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    assert np.array_equal(first.picture, second.picture)
    assert not np.array_equal(first.picture, deep_dream(subject, colour(), steps=2, seed=1).picture)


def test_a_channel_that_never_fires_leaves_the_image_as_it_is() -> None:
    subject = small()
    dream = deep_dream(subject, colour(), subject.cut_of("second"), channel=5, steps=2)
    assert np.array_equal(dream.picture, dream.image) and dream.before == dream.after == 0


def test_channels_last_networks_dream_at_a_cut_in_the_middle() -> None:
    subject = Subject("convnext_atto", backbone_of("convnext_atto"), ())
    dream = deep_dream(subject, colour(), steps=1)
    assert dream.cut == middle_cut(subject) and dream.cut in subject.spatial_cuts
    assert 0 < dream.cut.share < 1 and np.isfinite(dream.after)
