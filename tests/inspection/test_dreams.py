"""The chapter shows made pictures beside natural ones with both figures, and says of what there is none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from inspection.test_feature_visualisation import SIZE, small
from networks import backbone_of
from PIL import Image

from regraft.data.find import find_images
from regraft.errors import BackboneError
from regraft.inspection.best_images import best_images
from regraft.inspection.chapters.dreams import SIDE, chapter_of
from regraft.inspection.chapters.patch_row import lit, patch
from regraft.inspection.pictures import in_batches, pictures
from regraft.inspection.receptive_field import receptive_fields
from regraft.inspection.subject import Subject, maps_of
from regraft.network.graft import Graft
from regraft.network.head import Head

Maker = Callable[..., Path]


def run_of(cuts: tuple[str, ...], classes: int) -> Subject:
    """A run's network: some cuts joined, and a head of two layers."""
    subject, draw = small(), np.random.default_rng(0)
    places = tuple(subject.cut_of(name) for name in cuts)
    shapes = [(5, sum(place.channels for place in places)), (classes, 5)]
    weights = tuple(draw.normal(size=shape).astype(np.float32) for shape in shapes)
    head = Head(weights, tuple(np.zeros(shape[0], np.float32) for shape in shapes))
    names = tuple(f"kind{i}" for i in range(classes))
    return replace(subject, classes=names, graft=Graft(subject.backbone, places, head))


def test_a_run_of_joined_cuts_shows_its_first_classes_and_no_layers_that_it_lacks(make_folder: Maker) -> None:
    subject, files = run_of(("first", "second"), 8), find_images(make_folder()).files
    chapter = chapter_of(subject, files, channels={"first": [0], "second": [1]}, steps=2)
    names = [figure.name for figure in chapter.figures]
    assert names == ["dream-first-channel-0", "dream-second-channel-1"] + [f"dream-class-kind{i}" for i in range(6)] + [
        "deep-dream"
    ]
    assert any("6 of 8 classes" in note for note in chapter.notes)
    with pytest.raises(BackboneError, match="no layers behind second"):
        chapter_of(subject, files, ["third"])


def test_best_images_are_those_of_all_images_at_once(make_folder: Maker) -> None:
    subject, files = small(), find_images(make_folder(each=20)).files
    cut = subject.cut_of("second")
    best = best_images(subject, [cut], files)
    ((_, pixels),) = in_batches(pictures(subject, files), len(files))
    with torch.no_grad():
        value, logits = subject.tapped((cut,))(subject.input_of(pixels))
    peaks = maps_of(value, cut).amax((2, 3))
    np.testing.assert_allclose(best.cuts["second"].peaks, peaks.amax(0), rtol=1e-4)
    np.testing.assert_allclose(best.classes.peaks, logits.amax(0), rtol=1e-4, atol=1e-5)
    firing = best.cuts["second"].fires()
    assert np.array_equal(best.cuts["second"].rows[firing], peaks.argmax(0)[firing])
    assert not firing[5] and best.images == len(files)


def test_captions_begin_with_illustration_and_have_all_figures(make_folder: Maker) -> None:
    subject, files = small(), find_images(make_folder()).files
    chapter = chapter_of(subject, files, ["second"], {"second": [1, 5]}, classes=["b"], steps=6)
    assert [figure.name for figure in chapter.figures] == ["dream-second-channel-1", "dream-class-b", "deep-dream"]
    assert all(figure.caption.startswith("Illustration: ") for figure in chapter.figures)
    assert "not evidence" in chapter.lead and "92%" in chapter.lead
    channel, label, _ = chapter.figures
    assert "(Fourier)" in channel.caption and "(MACO)" in channel.caption
    best = best_images(subject, [subject.cut_of("second")], files)
    both = best.cuts["second"]
    assert f"{both.peaks[1]:.3g} and {both.means[1]:.3g} (best of {len(files)} natural images)" in channel.caption
    assert f"{best.classes.peaks[1]:.3g} (best of {len(files)} natural images)" in label.caption
    assert channel.cut == "second" and label.cut is None
    assert channel.caption.endswith("Fourier, MACO, best natural patch.")
    (silent,) = [note for note in chapter.notes if "channel 5" in note]
    assert "no picture" in silent and "natural images is 0" in silent


def test_channels_that_fire_are_shown_unless_others_are_asked_for(make_folder: Maker) -> None:
    subject, files = small(), find_images(make_folder()).files
    names = [figure.name for figure in chapter_of(subject, files, ["second"], steps=2).figures]
    assert len(names) == 4 and "dream-second-channel-5" not in names


def test_without_images_there_are_made_pictures_alone() -> None:
    chapter = chapter_of(small(), steps=2, classes=[0])
    assert all("natural images" not in figure.caption for figure in chapter.figures)
    assert any("1/f" in note for note in chapter.notes)
    assert not any(figure.name == "deep-dream" for figure in chapter.figures)


def test_the_callers_random_state_is_left_alone(make_folder: Maker) -> None:
    subject, files = small(), find_images(make_folder()).files
    torch.manual_seed(3)
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    chapter_of(subject, files, ["first"], steps=2)
    assert torch.equal(torch_state, torch.get_rng_state())
    assert np.array_equal(numpy_state, np.random.get_state()[1])


def test_the_natural_patch_is_what_the_channel_sees(make_folder: Maker) -> None:
    subject, files = small(), find_images(make_folder()).files
    (figure, *_) = chapter_of(subject, files, ["second"], {"second": [1]}, steps=2).figures
    cut = subject.cut_of("second")
    best = best_images(subject, [cut], files).cuts["second"]
    (whole,) = pictures(subject, [files[int(best.rows[1])]])
    (field,) = receptive_fields(subject, [cut])
    with torch.no_grad():
        heat = maps_of(subject.tapped([cut])(subject.input_of(whole.pixels[None]))[0], cut)[0, 1]
    y, x = divmod(int(heat.argmax()), heat.shape[1])
    assert float(heat[y, x]) == pytest.approx(float(best.peaks[1]), rel=1e-4)
    expected = lit(whole.pixels, heat.numpy()) if field.covers(1) else patch(whole.pixels, field, 1, y, x)
    shown = figure.picture.convert("RGB").crop((figure.picture.width - SIDE, 0, figure.picture.width, SIDE))
    difference = np.asarray(shown, float) - np.asarray(expected.resize(shown.size, Image.Resampling.BICUBIC), float)
    assert np.abs(difference).mean() < 12  # few colours


def test_channels_last_and_unnamed_classes(make_folder: Maker) -> None:
    subject = Subject("convnext_atto", backbone_of("convnext_atto"), ())
    cut = subject.spatial_cuts[-1].name
    chapter = chapter_of(subject, find_images(make_folder()).files, [cut], {cut: [1]}, classes=[3], steps=2)
    assert {figure.name for figure in chapter.figures} >= {"dream-class-3", "deep-dream"}


def test_unknown_channels_and_classes_are_refused() -> None:
    with pytest.raises(BackboneError, match="it has 0 to 7"):
        chapter_of(small(), channels={"second": [SIZE]}, cuts=["second"])
    with pytest.raises(BackboneError, match="no class 'wasps'"):
        chapter_of(small(), classes=["wasps"])
