"""Top patches against all activations at once; selectivity against channels whose answer is known."""

from pathlib import Path

import networks
import numpy as np
import pytest
import torch
from test_receptive_field import backbone_of
from torch import nn

from regraft.data.find import find_images
from regraft.data.images import ImageSet
from regraft.errors import BackboneError, DataError, RecipeError
from regraft.inspection.chapters import patches as patches_chapter
from regraft.inspection.chapters import receptive_fields as fields_chapter
from regraft.inspection.patches import TopPatches, key_of, top_patches
from regraft.inspection.pictures import in_batches, pictures
from regraft.inspection.selectivity import between, selectivity_of, share_between
from regraft.inspection.subject import Subject, maps_of
from regraft.network.engine import PYTORCH


def everything(subject: Subject, images: ImageSet, place: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All maps at one cut, the images' keys (those with an even one choose), and the labels."""
    cut = subject.spatial_cuts[place]
    ((batch, pixels),) = in_batches(pictures(subject, images.files), 1000)
    with torch.no_grad():
        maps = maps_of(subject.tapped([cut])(subject.input_of(pixels))[0], cut).numpy()
    return maps, np.array([key_of(one.pixels, 0) for one in batch], np.uint64), np.array([one.label for one in batch])


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject("resnet18", networks.backbone_of("resnet18"), ())


@pytest.fixture
def images(make_folder: object) -> ImageSet:
    return find_images(make_folder("data", 3, 16))  # type: ignore[operator]


@pytest.mark.parametrize("engine", [PYTORCH, None])
def test_they_are_the_strongest_of_all(subject: Subject, images: ImageSet, engine: str | None) -> None:
    found = top_patches(subject, images.files, 3, engine=engine)
    assert [one.cut for one in found] == list(subject.spatial_cuts)
    for place in (0, 4, 8):
        top = found[place]
        maps, keys, labels = everything(subject, images, place)
        choose = keys % 2 == 0
        others = np.flatnonzero(~choose)
        others = others[np.argsort(keys[others])]
        best = np.where(choose[:, None], maps.max((2, 3)), -np.inf)
        strongest = -np.sort(-best, axis=0)[:9].T
        near = {"rtol": 1e-4, "atol": 1e-4} if engine else {"rtol": 0.05, "atol": 0.05 * float(strongest.max())}
        np.testing.assert_allclose(top.values, strongest, **near)
        chosen = [[maps[r, c, y, x] for r, (y, x) in zip(top.rows[c], top.places[c], strict=True)] for c in range(8)]
        np.testing.assert_allclose(chosen, strongest[:8], **near)
        assert all(len(set(row)) == 9 for row in top.rows)
        assert choose[top.rows].all()
        np.testing.assert_allclose(top.measured, maps[others].mean((2, 3)), rtol=0.05, atol=0.05)
        assert top.labels.tolist() == labels[others].tolist()
        np.testing.assert_allclose(top.largest, maps.max((0, 2, 3)), **near)


def test_eta_is_the_same_by_sums_and_by_members(subject: Subject, images: ImageSet) -> None:
    top = top_patches(subject, images.files, 3, [subject.spatial_cuts[2]], engine=PYTORCH)[0]
    maps, keys, labels = everything(subject, images, 2)
    choose = keys % 2 == 0
    means = maps[choose].mean((2, 3))
    np.testing.assert_allclose(top.chosen_by, between(means, labels[choose], 3), rtol=1e-3, atol=1e-4)
    by_class = np.stack([means[labels[choose] == label].mean(0) for label in range(3)])
    np.testing.assert_allclose(top.class_means, by_class, rtol=1e-4, atol=1e-5)


def test_the_order_of_images_changes_nothing(subject: Subject, images: ImageSet) -> None:
    there = top_patches(subject, images.files, 3, [subject.spatial_cuts[3]], engine=PYTORCH)[0]
    back = top_patches(subject, images.files[::-1], 3, [subject.spatial_cuts[3]], engine=PYTORCH)[0]
    np.testing.assert_allclose(there.values, back.values, rtol=1e-5)
    same = there.rows[:, 0] == len(images.files) - 1 - back.rows[:, 0]
    assert same[~there.silent].mean() > 0.9  # values may agree to the last bits
    np.testing.assert_allclose(there.measured, back.measured, rtol=1e-3, atol=1e-5)


def test_an_image_that_comes_twice_is_one_patch(subject: Subject, images: ImageSet) -> None:
    twice = [*images.files, *images.files]
    once = top_patches(subject, images.files, 3, [subject.spatial_cuts[3]], engine=PYTORCH)[0]
    again = top_patches(subject, twice, 3, [subject.spatial_cuts[3]], engine=PYTORCH)[0]
    assert np.array_equal(once.rows, again.rows)


def test_selectivity_is_told_from_chance() -> None:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 4, 200)
    strong, idle = (labels == 2) * 1.0 + draw.normal(0, 0.5, 200), draw.normal(0, 1, 200)
    found = selectivity_of(strong, labels, (2, 1), 4)
    assert found.answers[0].label == 2 and found.answers[0].auroc > 0.85 and found.answers[0].p == 0.001
    assert found.p == 0.001 and found.eta == pytest.approx(between(strong[:, None], labels, 4)[0], abs=1e-5)
    assert found.answers[1].p > 0.5
    assert "Answers to c (AUROC 0.90" in found.words(("a", "b", "c", "d"))
    ps = [selectivity_of(draw.normal(0, 1, 60), draw.integers(0, 3, 60), (0,), 3, seed).p for seed in range(40)]
    assert 0.3 < np.mean(ps) < 0.7  # even where nothing is there
    assert "no class in particular" in selectivity_of(idle, labels, (0,), 4).words(("a", "b", "c", "d"))


def test_few_images_measure_nothing() -> None:
    found = selectivity_of(np.zeros(3), np.array([0, 0, 0]), (0,), 2)
    assert found.images == 0 and "Too few" in found.words(("a", "b"))
    assert share_between(np.zeros((2, 1)), np.zeros(2), np.zeros(1)).tolist() == [0]


class Dead(nn.Module):
    """A channel that never fires, one of the mean brightness, one of the first colour."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())
        self.second, self.head = nn.Conv2d(3, 2, 3), nn.Linear(2, 2)
        self.first[0].weight.data.zero_()
        self.first[0].weight.data[1:, 0] = 1.0
        self.first[0].bias.data = torch.tensor([-1.0, 9.0, 9.0])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        return self.head(self.second(self.first(images)).mean((2, 3)))


def test_a_channel_that_never_fires_is_said_and_not_drawn(images: ImageSet) -> None:
    subject = Subject("dead", backbone_of(Dead(), 32), ())
    cut = subject.spatial_cuts[0]
    made = patches_chapter.chapter_of(subject, images.files, images.classes, [cut])
    assert {one.name for one in made.figures} == {f"patches-{cut.name}-{channel}" for channel in (1, 2)}
    assert any(f"1 of 3 channels never fires (rises above 0) at {cut.name}" in note for note in made.notes)
    asked = patches_chapter.chapter_of(subject, images.files, images.classes, [cut], channel=0)
    assert asked.figures == ()


def test_a_single_image_and_values_that_are_no_numbers(images: ImageSet) -> None:
    subject = Subject("dead", backbone_of(Dead(), 32), ())
    for file in images.files[:6]:  # some of them fall into either half
        made = patches_chapter.chapter_of(subject, [file], images.classes, [subject.spatial_cuts[0]])
        assert made.figures or any("fell into the half" in note for note in made.notes)
    model = Dead()
    model.second.weight.data[:] = float("nan")
    broken = Subject("broken", backbone_of(model, 32), ())
    with pytest.raises(BackboneError, match="not finite at second"):
        top_patches(broken, images.files, 3, engine=PYTORCH)


def test_relevance_ranks_by_gradient_times_activation(subject: Subject, images: ImageSet) -> None:
    cut = subject.spatial_cuts[-1]
    top = top_patches(subject, images.files, 3, [cut], relevance_to=7)[0]
    ((_, pixels),) = in_batches(pictures(subject, images.files), 1000)
    inputs = subject.input_of(pixels).requires_grad_(True)
    value, logits = subject.tapped([cut])(inputs)
    (gradient,) = torch.autograd.grad(logits[:, 7].sum(), value)
    relevance = (value * gradient).detach().numpy()
    row, (y, x) = top.rows[5, 0], top.places[5, 0]
    assert top.values[5, 0] == pytest.approx(relevance[row, 5, y, x], rel=1e-3, abs=1e-7)
    assert top.values[5, 0] == pytest.approx(relevance[top.rows[5], 5].max(), rel=1e-3, abs=1e-7)
    with pytest.raises(RecipeError, match="no class 1000 here; this network tells apart 0 to 999"):
        top_patches(subject, images.files, 3, [cut], relevance_to=1000)


def test_the_chapter(subject: Subject, images: ImageSet) -> None:
    cuts = [subject.spatial_cuts[0], subject.spatial_cuts[-1]]
    made = patches_chapter.chapter_of(subject, images.files, images.classes, cuts, channels=3)
    assert len(made.figures) == 6
    assert {one.cut for one in made.figures} == {"maxpool", "layer4"}
    assert all(one.picture.size == (1400, 112) for one in made.figures)  # type: ignore[union-attr]
    again = patches_chapter.chapter_of(subject, images.files, images.classes, cuts, channels=3)
    assert [one.caption for one in made.figures] == [one.caption for one in again.figures]
    assert [one.picture.tobytes() for one in made.figures] == [one.picture.tobytes() for one in again.figures]  # type: ignore[union-attr]


def test_one_channel_where_there_is_one(subject: Subject, images: ImageSet) -> None:
    made = patches_chapter.chapter_of(subject, images.files, images.classes, channel=300)
    assert {one.cut for one in made.figures} <= {"layer4.0", "layer4"} and made.figures
    with pytest.raises(RecipeError, match=r"there is no channel 512 here; give one of maxpool 0 to 63"):
        patches_chapter.chapter_of(subject, images.files, images.classes, channel=512)


def test_no_image_that_can_be_read(subject: Subject, images: ImageSet) -> None:
    with pytest.raises(DataError, match="no image could be read"):
        top_patches(subject, (), 3)
    with pytest.raises(DataError, match="no image could be read"):
        fields_chapter.chapter_of(subject, ())


class Attending(nn.Module):
    """Tokens alone: no cut has space that can be cropped."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 8, 8)
        self.one, self.two, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        tokens = self.embed(images).flatten(2).transpose(1, 2)
        tokens = tokens + nn.functional.scaled_dot_product_attention(tokens, self.one(tokens), tokens)
        return self.head(self.two(tokens).mean(1))


@pytest.mark.slow
def test_networks_without_maps_and_with_attention(images: ImageSet, tmp_path: Path) -> None:
    subject = Subject("tokens", backbone_of(Attending(), 32), ("a", "b"))
    cuts = [cut for cut in subject.cuts if cut.axes == (1,)]
    made = patches_chapter.chapter_of(subject, images.files, images.classes, cuts[-1:], channels=2)
    assert len(made.figures) == 2 and any("whole image" in note for note in made.notes)
    pooled = Subject("pooled", networks.backbone_of("mobilenetv3_small_100"), ())
    vector = [cut for cut in pooled.cuts if not cut.stride]
    made = patches_chapter.chapter_of(pooled, images.files, images.classes, vector, channels=2)
    assert len(made.figures) == 2


def test_receptive_fields_are_drawn(subject: Subject, images: ImageSet) -> None:
    made = fields_chapter.chapter_of(subject, images.files)
    assert "layer4: 435 x 435 pixels, the whole image." in made.figures[0].caption
    assert "maxpool: 11 x 11 pixels." in made.figures[0].caption


def test_silent_by_the_strongest_of_the_cut() -> None:
    empty = np.zeros((0, 3), np.float32)
    top = TopPatches(
        None, (1, 1), empty, empty, empty, np.array([0.0, 5, 1e-9]), empty, empty, empty, empty  # type: ignore[arg-type]
    )  # fmt: skip
    assert top.silent.tolist() == [True, False, True]
