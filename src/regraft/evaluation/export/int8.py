"""The 8-bit form of an export: made from the written one, judged on held-out images, left out if it costs too much."""

import io
import runpy
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from regraft.data.decoding import Undecodable
from regraft.errors import RecipeError, RegraftError, RunError, disk_is_full, reason_of
from regraft.evaluation.export.proof import write_golden
from regraft.evaluation.export.proof_images import Example, Own, own_images, some
from regraft.metrics.comparisons import Difference, on_images
from regraft.network.export import int8, openvino
from regraft.network.export.format import Format, Runtime
from regraft.network.export.outside import PREPROCESS, write_check
from regraft.progress import Progress

CALIBRATED_ON = 300  # training images
JUDGED_ON = 2000  # held-out images
FEWEST = 20  # of either
HELD_OUT = ("val", "test")
MOST_LOSS = 1.0  # points of accuracy
TOLERANCE = 0.05  # of a probability from one kind of processor to another: each has its own 8-bit arithmetic
SECONDS = 1.0  # in which the two forms are timed in turns


@dataclass(frozen=True)
class Int8:
    """What 8 bits cost and bring."""

    folder: Path | None  # None: it lost too much, and was not written
    images: int  # held out
    lost: Difference  # shares of them that the run has right and 8 bits do not, less the other way round
    same: int  # images with the run's class
    bytes: int
    bytes_before: int
    times_as_fast: float  # one image at a time, on this machine

    def in_lines(self) -> Iterator[str]:
        """The deciding figure first."""
        mean, low, high = (0.0 - 100 * end for end in (self.lost.mean, self.lost.high, self.lost.low))
        change = f"accuracy {mean:+.1f} points ({low:+.1f} to {high:+.1f}, 95%)"
        on = f"on {self.images:,} held-out images, {self.same:,} with the run's class"
        if not self.folder:
            yield f"int8 was not written: {change} {on}. Use the 32-bit file, or allow more with --most-loss."
            return
        yield f"{self.folder}: {change} {on}"
        size = f"{self.bytes / 1e6:.1f} MB instead of {self.bytes_before / 1e6:.1f}"
        yield f"  {size}, {self.times_as_fast:.1f} times as fast on this machine."

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"folder": str(self.folder) if self.folder else None}


@dataclass(frozen=True)
class Pixels:
    """A run's own image as the graph takes it."""

    own: Own
    data: bytes  # encoded
    pixels: np.ndarray  # (size, size, 3) uint8


def check_can(forms: Sequence[Format], most_loss: float) -> None:
    """Raise RecipeError where --int8 cannot be done."""
    if openvino.FORMAT not in forms:
        raise RecipeError("--int8 is a form of openvino; add openvino to --to")
    if not 0 <= most_loss <= 100:  # noqa: PLR2004 - points of accuracy
        raise RecipeError(f"--most-loss is {most_loss:g}; give points of accuracy from 0 to 100")
    if find_spec(int8.NEEDS) is None:
        raise RecipeError(f'--int8 needs {int8.NEEDS}, which is not installed; pip install "{int8.INSTALL}"')


def make(run: Path, place: Path, classes: Sequence[str], most_loss: float, progress: Progress) -> Int8:
    """Write the 8-bit form of ``place``/openvino beside it, unless it loses over ``most_loss`` points.

    It is calibrated on training images, which also say which layers keep 32 bits, and judged on images that are
    neither. RunError where the run's own images are gone.
    """
    source, folder = place / openvino.FORMAT.name, place / int8.NAME
    training, held_out = images_for(run, source, progress)
    progress("Making int8", 0, 1)
    write(source, folder, training, most_loss)
    progress("Making int8", 1, 1)
    before, after = openvino.runtime(source), openvino.runtime(folder)
    ours, theirs = (probabilities(model, held_out, progress) for model in (before, after))
    truth = np.array([classes.index(one.own.label or "") for one in held_out])
    lost = on_images(ours.argmax(1) == truth, theirs.argmax(1) == truth, seed=0)
    smaller, larger = (sum(file.stat().st_size for file in one.glob("model.*")) for one in (folder, source))
    made = Int8(
        folder if 100 * lost.mean <= most_loss else None,
        len(held_out),
        lost,
        int((ours.argmax(1) == theirs.argmax(1)).sum()),
        smaller,
        larger,
        speed_up(before, after, held_out[0].pixels[None]),
    )
    if not made.folder:
        shutil.rmtree(folder)
        return made
    examples = [Example(one.own.path, one.data, values) for one, values in zip(held_out, theirs, strict=True)]
    write_golden(folder, examples, TOLERANCE)
    form = openvino.FORMAT
    write_check(folder, form.file, ", ".join(form.needs), form.imports, form.run)
    return made


def images_for(run: Path, source: Path, progress: Progress) -> tuple[list[Pixels], list[Pixels]]:
    """Training images, and held-out ones; RunError where there are too few."""
    own = own_images(run)
    wanted = (
        some([image for image in own if image.part == "train"], CALIBRATED_ON),
        some([image for image in own if image.part in HELD_OUT and image.label], JUDGED_ON),
    )
    code, total = runpy.run_path(str(source / PREPROCESS)), sum(map(len, wanted))
    found: tuple[list[Pixels], list[Pixels]] = ([], [])
    for images, ready in zip(wanted, found, strict=True):
        for image in images:
            with suppress(Undecodable, OSError, ValueError):  # it was replaced since, or has more than 16 bits
                data = data_of(image)
                ready.append(Pixels(image, data, np.array(code["pixels"](io.BytesIO(data)))))
            progress("Reading images", sum(map(len, found)), total, "images")
    for kind, ready in zip(("training", "held-out"), found, strict=True):
        if len(ready) < FEWEST:
            there = f"{len(ready)} of the run's {kind} images"
            raise RunError(
                f"int8 is calibrated on training images and judged on held-out ones, and {there} can be read where"
                f" they lay; {FEWEST} are needed. Put the images back, or leave --int8 out"
            )
    return found


def data_of(image: Own) -> bytes:
    """The encoded image; Undecodable where there is none."""
    data = image.content.read()
    if isinstance(data, bytes):
        return data
    raise Undecodable("not a file", "it came as pixels")


def write(source: Path, folder: Path, training: Sequence[Pixels], most_loss: float) -> None:
    """The 8-bit graph and the code beside it; RunError where NNCF cannot make it."""
    import openvino as runtime

    folder.mkdir()
    try:
        graph = int8.quantised(source, [one.pixels for one in training], most_loss / 100)
        runtime.save_model(graph, folder / openvino.FILE, compress_to_fp16=False)
    except (RegraftError, OSError, MemoryError):
        raise
    except Exception as error:  # NNCF and OpenVINO share no kind of error
        if disk_is_full(error):
            raise
        raise RunError(f"this network cannot be made int8: {reason_of(error)[:200]}; leave --int8 out") from None
    shutil.copyfile(source / PREPROCESS, folder / PREPROCESS)


def probabilities(model: Runtime, images: Sequence[Pixels], progress: Progress) -> np.ndarray:
    """Of all images (images, classes), one by one as a service has them."""
    rows = []
    for number, one in enumerate(images, 1):
        rows.append(model(one.pixels[None])[0])
        progress("Judging int8", number, len(images), "images")
    return np.stack(rows)


def speed_up(before: Runtime, after: Runtime, image: np.ndarray) -> float:
    """How many times as fast the second is on ``image``: the median of turns."""
    ratios = list[float]()
    end = time.perf_counter() + SECONDS
    while not ratios or time.perf_counter() < end:
        first = time.perf_counter()
        before(image)
        second = time.perf_counter()
        after(image)
        ratios.append((second - first) / (time.perf_counter() - second))
    return statistics.median(ratios)
