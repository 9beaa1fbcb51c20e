"""Made pictures excite their target, are repeatable, and are left out where nothing fires."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import CONTRACT, backbone_of
from scenes import scene
from torch import nn
from torch.nn import functional

from regraft.errors import BackboneError
from regraft.inspection.feature_visualisation import (
    Target,
    Visualisation,
    class_of,
    network_up_to,
    standardised,
    target_of,
    visualise,
)
from regraft.inspection.image_statistics import logits_of, statistics_of, two_sided, usual
from regraft.inspection.parametrisation import FOURIER, MACO, parametrisation
from regraft.inspection.redirected import redirected
from regraft.inspection.subject import Subject, subject_of
from regraft.network.backbone import Backbone
from regraft.network.description import Architecture
from regraft.network.preprocessing import Preprocessing

SIZE = 32


class Small(nn.Module):
    """Three convolutions, of which the second has a channel that never fires."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True))
        self.second = nn.Sequential(nn.Conv2d(6, 8, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        self.third = nn.Sequential(nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.ReLU6(inplace=True))
        self.head = nn.Linear(8, 4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(functional.relu(self.third(self.second(self.first(image)))).mean((2, 3)))


def small(pixels: Preprocessing | None = None) -> Subject:
    torch.manual_seed(1)
    model = Small().eval()
    with torch.no_grad():
        convolution = model.second[0]
        convolution.bias[5], convolution.weight[5] = -1.0, 0.0
    backbone = Backbone("small", Architecture("timm", "resnet18"), lambda: model, pixels or Preprocessing(SIZE))
    return Subject("small", backbone, ("a", "b", "c", "d"))


def scenes(count: int = 12, size: int = SIZE) -> np.ndarray:
    """Pictures (count, size, size, 3) uint8 with different colours and brightness."""
    tints = np.random.default_rng(0).uniform(0.5, 1, (count, 1, 1, 3))
    grey = np.stack([np.asarray(scene(seed, size, size)) for seed in range(count)])
    return (grey[..., None] * tints).astype(np.uint8)


def seen(subject: Subject, target: Target, pixels: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return target.of(network_up_to(subject, target.cut)(subject.input_of(pixels)))


@pytest.mark.parametrize("name", [FOURIER, MACO])
def test_pictures_excite_their_target_more_than_noise_and_than_their_start(name: str) -> None:
    subject = small()
    statistics = statistics_of(scenes())
    cut = subject.cut_of("second")
    targets = [Target(cut, 1), Target(cut), class_of(subject, "c"), Target(subject.cut_of("third"), 2)]
    way = parametrisation(name, statistics)
    noise = way.pictures(way.start(8, torch.Generator().manual_seed(9))).permute(0, 2, 3, 1)
    noise = (255 * noise).round().to(torch.uint8).numpy()
    for one in visualise(subject, targets, name, statistics, steps=40):
        assert one.picture is not None and one.picture.shape == (SIZE, SIZE, 3) and one.picture.dtype == np.uint8
        assert one.activation > one.start
        assert one.activation > float(seen(subject, one.target, noise).max())
        assert one.curve[-5:].mean() > one.curve[:5].mean()
        assert one.activation == pytest.approx(float(seen(subject, one.target, one.picture[None])[0]), rel=1e-4)
        assert one.peak >= one.activation


@pytest.mark.parametrize("name", [FOURIER, MACO])
def test_the_embedded_network_answers_more_than_to_white_noise(name: str) -> None:
    subject = subject_of("embedded")
    cut = subject.cut_of("blocks.2")
    noise = np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3)).astype(np.uint8)
    for one in visualise(subject, [Target(cut, 5), Target(cut, 20)], name, steps=12):
        assert one.activation > max(one.start, float(seen(subject, one.target, noise).max()))


def test_the_magnitudes_of_maco_are_the_datas() -> None:
    for size in (32, 33):
        statistics = statistics_of(scenes(size=size))
        way = parametrisation(MACO, statistics)
        logits = way.logits(way.start(2, torch.Generator().manual_seed(0))).numpy()
        uncorrelated = np.linalg.solve(statistics.colours, (logits - statistics.mean[:, None, None]).reshape(2, 3, -1))
        magnitude = np.abs(np.fft.rfft2(uncorrelated.reshape(2, 3, size, size)))
        largest = statistics.magnitude.max()
        np.testing.assert_allclose(magnitude, np.stack([statistics.magnitude] * 2), atol=1e-4 * largest)


def test_they_still_are_when_the_picture_is_made() -> None:
    subject, statistics = small(), statistics_of(scenes())
    picture = visualise(subject, [target_of(subject, "second", 1)], MACO, statistics, steps=20)[0].picture
    assert picture is not None
    uncorrelated = np.linalg.solve(statistics.colours, (logits_of(picture) - statistics.mean).reshape(-1, 3).T)
    magnitude = np.abs(np.fft.rfft2(uncorrelated.reshape(3, SIZE, SIZE)))
    low = slice(1, 6)  # rounding to 8 bits is noise of all frequencies
    np.testing.assert_allclose(magnitude[2, low, low], statistics.magnitude[2, low, low], rtol=0.2)


def test_pictures_of_the_usual_kind_have_variance_one() -> None:
    for size in (32, 33):
        assert np.square(two_sided(usual(size).magnitude, size)).sum((1, 2)) / size**4 == pytest.approx(1, rel=1e-6)


def test_the_spectrum_of_noise_is_flat_and_a_ramp_leaves_no_cross() -> None:
    noise = np.random.default_rng(0).normal(128, 25, (200, SIZE, SIZE, 3)).clip(0, 255).astype(np.uint8)
    inside = statistics_of(noise).magnitude[:, 2:-1, 2:-1]
    assert inside.std() / inside.mean() < 0.1
    ramp = np.broadcast_to(np.linspace(60, 200, SIZE)[:, None, None], (4, SIZE, SIZE, 3)).astype(np.uint8)
    column = statistics_of(ramp).magnitude[2, : SIZE // 2, 0]
    assert column[8] < 0.01 * column[1]  # 1/8 of it, if borders counted


def test_images_without_structure_get_the_usual_statistics() -> None:
    assert statistics_of(np.full((3, SIZE, SIZE, 3), 90, np.uint8)).images == 0


def test_grey_images_give_pictures() -> None:
    grey = np.repeat(scenes()[..., :1], 3, axis=-1)
    subject = small()
    (one,) = visualise(subject, [target_of(subject, "second", 1)], MACO, statistics_of(grey), steps=10)
    assert one.picture is not None and np.isfinite(one.activation)


def test_the_same_seed_gives_the_same_picture_whatever_the_companions_and_leaves_random_state_alone() -> None:
    subject = small()
    cut = subject.cut_of("second")
    torch.manual_seed(7)
    state = torch.get_rng_state()
    alone = visualise(subject, [Target(cut, 1)], steps=10)[0]
    assert torch.equal(state, torch.get_rng_state())
    again = visualise(subject, [Target(cut, 1)], steps=10)[0]
    beside = visualise(subject, [Target(cut, 2), Target(cut, 1)], steps=10)[1]
    other = visualise(subject, [Target(cut, 1)], steps=10, seed=1)[0]
    assert np.array_equal(picture_of(alone), picture_of(again))
    assert np.abs(picture_of(alone).astype(int) - picture_of(beside)).mean() < 1
    assert not np.array_equal(picture_of(alone), picture_of(other))


def picture_of(one: Visualisation) -> np.ndarray:
    assert one.picture is not None
    return one.picture


def test_a_channel_that_never_fires_gets_no_picture_and_one_that_sleeps_is_woken() -> None:
    subject = small()
    cut = subject.cut_of("second")
    way = parametrisation(FOURIER, usual(SIZE))
    starts = way.pictures(way.start(64, torch.Generator().manual_seed(5)))
    with torch.no_grad():  # for no random picture, but for one that is made
        first, convolution = subject.backbone.model.first, subject.backbone.model.second[0]
        convolution.bias[3] -= convolution(first(standardised(subject, starts)))[:, 3].max() + 0.02
    dead, sleeping = visualise(subject, [Target(cut, 5), Target(cut, 3)], steps=40)
    assert dead.picture is None and dead.note and dead.peak == 0
    assert sleeping.start == 0  # no gradient there
    assert sleeping.picture is not None and sleeping.peak > 0 and sleeping.note is None


def test_redirected_gradients_change_no_value_and_no_gradient_of_what_fires() -> None:
    subject = small()
    network = network_up_to(subject, subject.cut_of("second"))
    images = subject.input_of(scenes(2)).requires_grad_()
    values, woken = network(images), redirected(network)(images)
    assert torch.equal(values, woken)
    for channel in range(8):
        plain = torch.autograd.grad(-values[:, channel].sum(), images, retain_graph=True)[0]
        other = torch.autograd.grad(-woken[:, channel].sum(), images, retain_graph=True)[0]
        assert torch.equal(plain, other) == bool(
            (values[:, channel].flatten(1).max(1).values > 0).all() or channel == 5
        )


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "vgg11" else name for name in CONTRACT]
)
def test_every_contract_backbone_gives_pictures(name: str) -> None:
    subject = Subject(name, backbone_of(name, slim=True), ())
    middle = subject.spatial_cuts[len(subject.spatial_cuts) // 2]
    for one in visualise(subject, [Target(middle), Target(middle, 1), Target(None, 3)], steps=4):
        assert one.picture is not None or one.note
        assert np.isfinite(one.curve).all()


def test_tokens_give_pictures() -> None:
    subject = Subject("vit", backbone_of("test_vit", 160), ())
    cut = next(cut for cut in subject.cuts if cut.axes == (1,))
    (one,) = visualise(subject, [Target(cut, 1)], steps=3)
    assert one.picture is not None and one.activation > one.start - 1


def test_pixels_are_standardised_as_images_are() -> None:
    subject = small(Preprocessing(SIZE, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6)))
    pixels = scenes(2)
    pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(standardised(subject, pictures), subject.input_of(pixels))


def test_what_is_not_there_is_named() -> None:
    subject = small()
    with pytest.raises(BackboneError, match="no channel 8 at second: it has 0 to 7"):
        target_of(subject, "second", 8)
    with pytest.raises(BackboneError, match="no class 4: small has 0 to 3"):
        class_of(subject, 4)
    with pytest.raises(BackboneError, match="no class 'e'"):
        class_of(subject, "e")
    unnamed = replace(subject, classes=())
    with pytest.raises(BackboneError, match="no class 4: this network answers with 4 values"):
        visualise(unnamed, [class_of(unnamed, 4)], steps=1)
    with pytest.raises(BackboneError, match="no cut 'fourth'"):
        target_of(subject, "fourth")
