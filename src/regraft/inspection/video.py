"""A network's answer and its map over the frames of a video or a camera."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from regraft.data.prefetch import batched
from regraft.errors import RecipeError
from regraft.inspection.answers import class_name, probabilities
from regraft.inspection.attribution import grad_cam
from regraft.inspection.drawing import over
from regraft.inspection.frames import Frame, Source, Window, Writer
from regraft.inspection.subject import Subject
from regraft.network.preprocessing import Preprocessing
from regraft.progress import Progress, silent

BATCH = 8  # frames of a file that go through the network together; a camera's go one by one
SMOOTHING = 0.6  # what the answer so far counts, against a new frame's 0.4
LETTERS, PADDING = 18, 2  # of the answer: this part of a frame's height, and what is left around it


@dataclass(frozen=True)
class Video:
    """What a network answered over time: one entry a frame that was looked at."""

    frames: np.ndarray  # (n,) int64: their numbers, from 0
    seconds: np.ndarray  # (n,) float64, from the beginning
    labels: np.ndarray  # (n,) int64: the likeliest class, smoothed over frames
    probabilities: np.ndarray  # (n,) float64: of that class, smoothed likewise
    written: Path | None
    notes: tuple[str, ...]


def video(
    subject: Subject,
    source: str | int | Path,
    out: Path | None = None,
    every: int = 1,
    smoothing: float = SMOOTHING,
    most: int | None = None,
    progress: Progress = silent,
) -> Video:
    """Look at each ``every``-th frame of a file or of a camera (its number), ``most`` of them at most.

    Writes a video to ``out``, or shows it in a window (None) until q is pressed. An interruption from the keyboard ends
    it too, and what was written is whole. The answer, and the map, of a frame is ``smoothing`` times that of the frames
    before plus the rest times its own.
    """
    if every < 1:
        raise RecipeError(f"every {every}th frame cannot be had; give 1 or more")
    if not 0 <= smoothing < 1:
        raise RecipeError(f"the smoothing is {smoothing}; give a number from 0 to less than 1")
    if out and out.exists() and out.resolve() == Path(str(source)).resolve():
        raise RecipeError(f"{out} is the video itself; give another place to write to")
    frames = Source(source)
    sheet = Writer(out, frames.rate / every) if out else Window(f"{subject.name} (q ends)")
    together = BATCH if frames.camera is None and out else 1
    seen = list[tuple[int, int, float]]()
    try:
        with suppress(KeyboardInterrupt):
            for frame, label, probability, heat in answered(subject, frames.frames(every), together, smoothing):
                seen.append((frame.number, label, probability))
                words = f"{class_name(subject, label)} {probability:.0%}"
                goes_on = sheet.write(drawn(frame.pixels, words, heat, subject.preprocessing))
                progress("Looking at the video", len(seen), most or 0, "frames")
                if not goes_on or len(seen) == most:
                    break
    finally:
        sheet.close()
    numbers, labels, certain = (np.array([one[place] for one in seen]) for place in range(3))
    return Video(numbers, numbers / frames.rate, labels, certain, out, notes_of(subject, smoothing))


def answered(
    subject: Subject, frames: Iterable[Frame], together: int, smoothing: float
) -> Iterator[tuple[Frame, int, float, np.ndarray | None]]:
    """Each frame with the likeliest class, its probability and its map, smoothed over the frames."""
    answer: np.ndarray | None = None
    heat: np.ndarray | None = None
    for some in batched(frames, together):
        pixels = np.stack([subject.preprocessing.pixels(Image.fromarray(frame.pixels)) for frame in some])
        certain = list[tuple[int, float]]()
        for own in probabilities(subject, pixels):
            answer = own if answer is None else smoothing * answer + (1 - smoothing) * own
            certain.append((int(answer.argmax()), float(answer.max())))
        maps = grad_cam(subject, pixels, [label for label, _ in certain]).values if subject.spatial_cuts else None
        for place, (frame, (label, probability)) in enumerate(zip(some, certain, strict=True)):
            if maps is not None:
                own = maps[place].clip(0)
                heat = own if heat is None else smoothing * heat + (1 - smoothing) * own
            yield frame, label, probability, heat


def drawn(pixels: np.ndarray, words: str, heat: np.ndarray | None, preprocessing: Preprocessing) -> np.ndarray:
    """A frame with the map over the part that the network sees, and the answer below."""
    sheet = Image.fromarray(pixels)
    if heat is not None:
        box = seen_part(sheet.width, sheet.height, preprocessing)
        sheet.paste(over(np.asarray(sheet.crop(box)), heat), box)
    letters = max(8, sheet.height // LETTERS)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, sheet.height - PADDING * letters, sheet.width, sheet.height), fill=(0, 0, 0))
    place = (letters // PADDING, sheet.height - letters)
    draw.text(place, words, fill=(255, 255, 255), font=ImageFont.load_default(letters), anchor="lm")
    return np.asarray(sheet)


def seen_part(width: int, height: int, preprocessing: Preprocessing) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) of a frame that becomes the network's input."""
    wide, high = preprocessing.resized(width, height)
    sides = [
        (min(whole, round(whole * preprocessing.size / resized)), whole)
        for whole, resized in ((width, wide), (height, high))
    ]
    left, top = ((whole - side) // 2 for side, whole in sides)
    return left, top, left + sides[0][0], top + sides[1][0]


def notes_of(subject: Subject, smoothing: float) -> tuple[str, ...]:
    """What should be known of the video."""
    notes = []
    if smoothing:
        notes.append(
            f"The answer and the map are smoothed: each frame counts {1 - smoothing:.0%},"
            f" what was before it {smoothing:.0%}."
        )
    if not subject.spatial_cuts:
        notes.append(f"{subject.name} keeps no grid of places, so the video has no map, only the answer.")
    return tuple(notes)
