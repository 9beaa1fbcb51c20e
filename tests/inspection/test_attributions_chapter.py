"""The chapter of attributions: which images, what is said of each, what stands across a map that does not earn it."""

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import backbone_of

from regraft.data.find import find_images
from regraft.inspection.chapters.attributions import chapter_of, warning_of
from regraft.inspection.controls import BLOB, SHIFTED
from regraft.inspection.examples import LEAST, MISTAKE, SUREST, UNSURE, example_of, examples_of
from regraft.inspection.pictures import pictures
from regraft.inspection.subject import Subject
from regraft.network.engine import PYTORCH, Engine, pytorch_engine


def judge(classes: tuple[str, ...]) -> Subject:
    """A network whose second class is the likelier, the brighter an image's first pixel is."""

    def run(pixels: np.ndarray) -> list[np.ndarray]:
        bright = pixels[:, 0, 0, 0].astype(float)
        return [np.stack([np.zeros(len(pixels)), (bright - 127.5) / 50], axis=1)]

    subject = Subject("judge", backbone_of("resnet18"), classes)
    vars(subject)["engine"] = Engine(PYTORCH, run)
    return subject


def test_the_extremes_of_each_class_are_chosen(make_folder: Callable[..., Path]) -> None:
    images = find_images(make_folder("data", each=12))
    subject = judge(images.classes)
    examples = examples_of(subject, images)
    every = list(pictures(subject, images.files))
    answers = subject.engine.run(np.stack([one.pixels for one in every]))[0][:, 1]
    for label, name in enumerate(images.classes):
        own = {example.kind: example for example in examples if example.truth == name}
        for_it = np.array(
            [answers[place] if label else -answers[place] for place, one in enumerate(every) if one.label == label]
        )
        assert {SUREST, LEAST} <= set(own)
        assert (MISTAKE in own) == bool((for_it < 0).any())
        certain = {kind: example.probability for kind, example in own.items()}
        assert certain[SUREST] == pytest.approx(1 / (1 + np.exp(-for_it.max())))
        assert certain[LEAST] == pytest.approx(1 / (1 + np.exp(-for_it[for_it > 0].min())))
        assert all((example.label == label) == (kind != MISTAKE) for kind, example in own.items())
        assert all(example.picture.name.startswith(name) for example in own.values())


def test_where_no_answer_can_be_right_none_is_called_so(make_folder: Callable[..., Path]) -> None:
    images = find_images(make_folder("data", each=4))
    kinds = [example.kind for example in examples_of(judge(("cat", "dog")), images)]
    assert len(kinds) == 4
    assert kinds[1] == UNSURE


def test_only_some_of_many_classes_are_shown(make_folder: Callable[..., Path]) -> None:
    images = find_images(make_folder("data", classes=4, each=2))
    assert len({example.truth for example in examples_of(judge(images.classes), images, most_classes=3)}) == 3


@pytest.fixture
def one_image(make_folder: Callable[..., Path]) -> tuple[Subject, Any]:
    images = find_images(make_folder("data", each=2))
    subject = Subject("resnet18", backbone_of("resnet18"), ())
    vars(subject)["engine"] = pytorch_engine(subject.tapped(), subject.preprocessing, "cpu")
    return subject, example_of(subject, next(pictures(subject, images.files)))


@pytest.mark.slow
def test_the_chapter_shows_every_method_and_what_the_controls_say(one_image: tuple[Subject, Any]) -> None:
    subject, example = one_image
    chapter = chapter_of(subject, [example])
    (figure,) = chapter.figures
    assert figure.picture.width > 4 * 200
    assert "from left to right: the image, grad-cam, integrated gradients, occlusion" in chapter.lead.lower()
    assert figure.caption.startswith(f"{example.picture.name}: class {example.label}, {example.probability:.1%}")
    for method in ("Grad-CAM", "Integrated gradients", "Occlusion"):
        assert f"{method}: area" in figure.caption
    assert ("not " in figure.caption) == (figure.warning is not None)


def test_what_is_not_installed_is_said(one_image: tuple[Subject, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name.startswith("captum"):
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    chapter = chapter_of(one_image[0], [one_image[1]])
    assert [note.split(":")[0] for note in chapter.notes] == ["Without integrated gradients", "Without occlusion"]
    assert "Occlusion: area" not in chapter.figures[0].caption


def test_the_sentence_across_names_what_is_not_beaten() -> None:
    assert warning_of({}) is None
    assert warning_of({"grad-cam": (BLOB, SHIFTED)}) == (
        "Grad-CAM does no better than a centred blob: do not read it as the reason."
    )
    assert warning_of({"integrated gradients": (BLOB,), "occlusion": (SHIFTED,)}) == (
        "Integrated gradients and occlusion do no better than maps that know nothing of the image:"
        " do not read them as the reason."
    )
