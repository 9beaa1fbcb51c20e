"""Videos: the answer and the map over frames, and sources that are none."""

import builtins
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import backbone_of
from scenes import scene

from regraft.errors import DataError, RecipeError
from regraft.inspection.frames import Source
from regraft.inspection.subject import Subject
from regraft.inspection.video import seen_part, video
from regraft.network.engine import PYTORCH, Engine
from regraft.network.preprocessing import Preprocessing

FRAMES, RATE = 10, 10.0


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A network with random weights, run by torch."""
    return with_torch(Subject("resnet18", backbone_of("resnet18"), ()))


def with_torch(subject: Subject) -> Subject:
    from regraft.network.engine import pytorch_engine

    vars(subject)["engine"] = pytorch_engine(subject.tapped(), subject.preprocessing, "cpu")
    return subject


def answering(subject: Subject, answers: list[list[float]]) -> Subject:
    """The subject whose answers to frames are given, one after another."""
    left = iter(answers)
    twin = replace(subject, classes=("dark", "bright"))
    vars(twin)["engine"] = Engine(PYTORCH, lambda some: [np.log([next(left) for _ in some])])
    return twin


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small video."""
    import cv2

    path = tmp_path_factory.mktemp("video") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (120, 90))
    for number in range(FRAMES):
        writer.write(np.asarray(scene(number, 120, 90).convert("RGB")))
    writer.release()
    return path


def test_every_frame_is_answered_and_written(subject: Subject, film: Path, tmp_path: Path) -> None:
    out = tmp_path / "seen.mp4"
    seen = video(subject, film, out)
    assert seen.frames.tolist() == list(range(FRAMES))
    assert seen.seconds == pytest.approx(np.arange(FRAMES) / RATE)
    assert seen.written == out
    frames = list(Source(out).frames())
    assert len(frames) == FRAMES
    assert frames[0].pixels.shape == (90, 120, 3)
    plain = next(Source(film).frames()).pixels.astype(int)
    assert np.abs(frames[0].pixels - plain)[10:50, 30:90].mean() > 5  # the map lies over what the network sees
    assert np.abs(frames[0].pixels - plain)[10:50, :10].mean() < 5
    assert "smoothed: each frame counts 40%" in seen.notes[0]


def test_some_frames_only(subject: Subject, film: Path, tmp_path: Path) -> None:
    assert video(subject, film, tmp_path / "a.mp4", every=4).frames.tolist() == [0, 4, 8]
    assert video(subject, film, tmp_path / "b.mp4", every=2, most=2).frames.tolist() == [0, 2]


def test_the_answer_is_smoothed_over_frames(subject: Subject, film: Path, tmp_path: Path) -> None:
    answers = [[0.9, 0.1], [0.2, 0.8], [0.2, 0.8]]
    sharp = video(answering(subject, answers), film, tmp_path / "a.mp4", smoothing=0, most=3, every=4)
    assert sharp.labels.tolist() == [0, 1, 1]
    smooth = video(answering(subject, answers), film, tmp_path / "b.mp4", smoothing=0.6, most=3, every=4)
    assert smooth.labels.tolist() == [0, 0, 1]
    assert smooth.probabilities == pytest.approx([0.9, 0.62, 0.548])


def test_the_part_that_the_network_sees() -> None:
    assert seen_part(200, 100, Preprocessing(64, 1.0)) == (50, 0, 150, 100)
    assert seen_part(200, 100, Preprocessing(64, 0.5)) == (75, 25, 125, 75)
    assert seen_part(200, 100, Preprocessing(64, 1.0, crop_mode="squash")) == (0, 0, 200, 100)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: None, "there is no video"),
        (lambda path: path.write_text("no video"), "is no video that OpenCV opens"),
        (lambda path: path.mkdir(), "there is no video"),
    ],
)
def test_sources_that_are_none(
    subject: Subject, tmp_path: Path, write: Callable[[Path], Any], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "film.mp4"
    write(path)
    with pytest.raises(DataError, match=said):
        video(subject, path, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_video_without_frames(subject: Subject, tmp_path: Path) -> None:
    import cv2

    path = tmp_path / "empty.avi"
    cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (120, 90)).release()
    with pytest.raises(DataError, match=r"no frame that can be read|no video that OpenCV opens"):
        video(subject, path, tmp_path / "out.mp4")


def test_a_camera_that_is_not_there(subject: Subject, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="camera 97 is not there"):
        video(subject, 97, tmp_path / "out.mp4")
    assert capfd.readouterr().err == ""


def test_places_that_cannot_be_written(subject: Subject, film: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no name for a video"):
        video(subject, film, tmp_path / "out.txt")
    with pytest.raises(RecipeError, match="there is no folder"):
        video(subject, film, tmp_path / "none" / "out.mp4")
    with pytest.raises(RecipeError, match="is the video itself"):
        video(subject, film, film)
    with pytest.raises(RecipeError, match="give 1 or more"):
        video(subject, film, tmp_path / "out.mp4", every=0)


def test_without_a_window_system(subject: Subject, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(RecipeError, match="name a file to write it to"):
        video(subject, film)


def test_live_until_q_is_pressed(subject: Subject, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[np.ndarray] = []

    class Screen:
        def __init__(self, name: str) -> None:
            pass

        def write(self, pixels: np.ndarray) -> bool:
            shown.append(pixels)
            return len(shown) < 3

        def close(self) -> None:
            shown.append(np.zeros(0))

    monkeypatch.setitem(video.__globals__, "Window", Screen)
    assert len(video(subject, film).frames) == 3
    assert len(shown) == 4


def test_without_opencv_the_extra_is_named(subject: Subject, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "cv2":
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RecipeError, match=r"regraft\[video\]"):
        video(subject, film)


def test_a_network_without_places_gives_answers_only(subject: Subject, film: Path, tmp_path: Path) -> None:
    class Flat(Subject):
        @property
        def spatial_cuts(self) -> tuple[Any, ...]:
            return ()

    flat = with_torch(Flat("flat", subject.backbone, ()))
    seen = video(flat, film, tmp_path / "out.mp4", most=2)
    assert len(seen.labels) == 2
    assert "no map, only the answer" in seen.notes[1]
