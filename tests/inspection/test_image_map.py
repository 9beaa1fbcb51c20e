"""The map of the images."""

import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from looked_at import backbone, images, trained
from torch import nn

from regraft.errors import DataError, RecipeError
from regraft.inspection.chapters.image_map import chapter_of
from regraft.inspection.chapters.scatter import COLOURS, REST, SHAPES, marks_of
from regraft.inspection.image_map import image_map, preservation, turned_to
from regraft.inspection.subject import Subject

pytest.importorskip("openTSNE")


def other_weights(model: nn.Module) -> None:
    model.late[0].weight *= -1


def test_the_map_keeps_neighbours_and_is_the_same_each_time() -> None:
    subject = Subject("made", backbone(), ())
    first, second = (image_map(subject, images(12)) for _ in range(2))
    assert first.map.points.shape == (36, 2)
    assert np.array_equal(first.map.points, second.map.points)
    assert first.map.preserved > 2 * first.chance
    assert first.chance == 10 / 35
    assert first.before is None
    assert first.labels.tolist() == [0] * 12 + [1] * 12 + [2] * 12


def test_of_many_images_some_are_drawn_and_that_is_said() -> None:
    subject = Subject("made", backbone(), ())
    chapter = chapter_of(subject, images(12), "abc", most=20, seed=3)
    assert chapter.notes == ("20 of 36 images are shown, drawn by seed 3.",)
    picture = chapter.figures[0].picture
    assert isinstance(picture, str)
    ElementTree.fromstring(picture)  # it is XML
    assert picture.count("data:image/jpeg") == 20
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")


def test_before_and_after_are_two_pictures_on_one_scale() -> None:
    chapter = chapter_of(trained(other_weights), images(8), "abc")
    assert [figure.name for figure in chapter.figures] == ["map-before", "map-after"]
    layout = image_map(trained(other_weights), images(8))
    assert layout.before is not None
    assert not np.array_equal(layout.before.points, layout.map.points)


def test_a_map_is_turned_to_fit_another() -> None:
    points = np.random.default_rng(0).normal(size=(30, 2))
    points -= points.mean(0)
    mirrored = points @ np.array([[0.0, 1.0], [1.0, 0.0]])
    assert np.allclose(turned_to(mirrored, points), points)


def test_preservation_is_one_of_the_same_places_and_chance_of_random_ones() -> None:
    draw = np.random.default_rng(0)
    points = draw.normal(size=(400, 2))
    assert preservation(points, 5 * points, 10) == 1
    assert preservation(points, draw.normal(size=(400, 2)), 10) == pytest.approx(10 / 399, abs=0.02)


def test_too_few_images_and_a_missing_library_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = Subject("made", backbone(), ())
    with pytest.raises(DataError, match="12 images or more; 6 can be read"):
        image_map(subject, images(2))
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(RecipeError, match=r"regraft\[look\]"):
        image_map(subject, images(12))


def test_classes_have_marks_of_their_own_as_far_as_they_go() -> None:
    many = len(COLOURS) * len(SHAPES)
    marks = marks_of(np.arange(many), [str(i) for i in range(many)])
    assert len(set(marks.values())) == many
    labels = np.concatenate([np.arange(many + 5), np.arange(many - 1)])
    marks = marks_of(labels, [str(i) for i in range(many + 5)])
    assert [label for label, mark in marks.items() if mark.colour == REST] == list(range(many - 1, many + 5))
