"""The frames of a video or a camera, read with OpenCV, and written."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regraft.errors import DataError, RecipeError

RATE = 25.0  # frames a second, where a source does not say
CODEC = "mp4v"
WRITABLE = (".mp4", ".m4v", ".mov", ".avi", ".mkv")
HIGHEST_RATE = 1000.0  # that is believed
ENDING = (ord("q"), 27)  # the keys that close the window: q and Escape


@dataclass(frozen=True)
class Frame:
    """One frame."""

    number: int  # from 0
    pixels: np.ndarray  # (height, width, 3) uint8, RGB


def opencv() -> Any:
    """OpenCV; RecipeError where it is not installed."""
    try:
        import cv2
    except ImportError:
        raise RecipeError('videos need OpenCV, which is not installed; pip install "regraft[video]"') from None
    return cv2


@contextmanager
def quiet(cv2: Any) -> Iterator[None]:
    """OpenCV prints no warnings of its own inside; what it prints elsewhere stays as it was."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def camera_number(source: str | int | Path) -> int | None:
    """The camera's number, where a source is one: digits that name no file."""
    text = str(source)
    return int(text) if text.isdecimal() and not Path(text).exists() else None


class Source:
    """A video file or a camera; DataError where it is not there or cannot be opened."""

    def __init__(self, source: str | int | Path) -> None:
        self.cv2, self.camera, self.name = opencv(), camera_number(source), str(source)
        if self.camera is None and not Path(str(source)).is_file():
            raise DataError(f"there is no video {source}; give a file, or a camera's number, as 0")
        with quiet(self.cv2):
            self.capture = self.cv2.VideoCapture(self.name if self.camera is None else self.camera)
        if not self.capture.isOpened():
            raise DataError(
                f"{self.name} is no video that OpenCV opens; give an .mp4 or .avi file"
                if self.camera is None
                else f"camera {self.camera} is not there or is in use; give another number, or a video file"
            )
        rate = float(self.capture.get(self.cv2.CAP_PROP_FPS))
        self.rate = rate if 0 < rate <= HIGHEST_RATE else RATE  # frames a second

    def frames(self, every: int = 1) -> Iterator[Frame]:
        """Each ``every``-th frame; DataError where there is none."""
        number = read = 0
        with quiet(self.cv2):
            try:
                while self.capture.grab():
                    if number % every == 0:
                        whole, pixels = self.capture.retrieve()
                        if whole:
                            read += 1
                            yield Frame(number, self.cv2.cvtColor(pixels, self.cv2.COLOR_BGR2RGB))
                    number += 1
            finally:
                self.capture.release()
        if not read:
            raise DataError(f"{self.name} has no frame that can be read; give a video that opens in a player")


class Writer:
    """A video file that grows frame by frame; RecipeError where it cannot be written."""

    def __init__(self, path: Path, rate: float) -> None:
        self.cv2, self.path, self.rate = opencv(), path, rate
        self.file: Any = None
        if path.suffix.lower() not in WRITABLE:
            raise RecipeError(f"{path} is no name for a video; end it in one of {', '.join(WRITABLE)}")
        if not path.parent.is_dir():
            raise RecipeError(f"there is no folder {path.parent} to write {path.name} to; make it first")

    def write(self, pixels: np.ndarray) -> bool:
        """Add a frame (height, width, 3) uint8, RGB; all have the first one's size. True: there is room for more."""
        if self.file is None:
            size = pixels.shape[1], pixels.shape[0]
            with quiet(self.cv2):
                self.file = self.cv2.VideoWriter(str(self.path), self.cv2.VideoWriter.fourcc(*CODEC), self.rate, size)
            if not self.file.isOpened():
                raise RecipeError(f"{self.path} cannot be written as a video; give a place where files can be written")
        self.file.write(self.cv2.cvtColor(pixels, self.cv2.COLOR_RGB2BGR))
        return True

    def close(self) -> None:
        """Finish the file."""
        if self.file is not None:
            self.file.release()


class Window:
    """A window that shows frames; RecipeError where this OpenCV or this machine has none."""

    def __init__(self, name: str) -> None:
        self.cv2, self.name = opencv(), name
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise RecipeError("there is no screen to show the video on; name a file to write it to")
        try:
            self.cv2.namedWindow(name)
        except self.cv2.error:
            raise RecipeError(
                "this OpenCV has no windows; name a file to write the video to, or install opencv-python"
            ) from None

    def write(self, pixels: np.ndarray) -> bool:
        """Show a frame; whether to go on: not when q or Escape was pressed."""
        self.cv2.imshow(self.name, self.cv2.cvtColor(pixels, self.cv2.COLOR_RGB2BGR))
        key: int = self.cv2.waitKey(1) & 0xFF
        return key not in ENDING

    def close(self) -> None:
        """Close it."""
        self.cv2.destroyWindow(self.name)
