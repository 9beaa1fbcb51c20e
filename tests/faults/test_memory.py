"""Whatever single file comes: under 1 GB; threads share one budget."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from odd import saved
from PIL import Image

from regraft.data import memory
from regraft.data.content import Given, OnDisk, hash_of
from regraft.data.decoding import Undecodable, decode, decode_for
from regraft.data.identity import look_at
from regraft.data.memory import ALL
from regraft.data.prefetch import map_ahead
from regraft.recipe import MAX_PIXELS

Make = Callable[..., Path]
PEAK = 1_000_000  # kB of a process
SIDE = 13_377  # pixels a side of the largest square that the limit on pixels lets through
LOOK = """
import re, sys
from pathlib import Path
from regraft.data.scan import scan
images = scan(Path(sys.argv[1]))
print([fault.kind for fault in images.faults if fault.action == "left out"])
print(re.search("VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])  # ru_maxrss counts what forked it too
"""


def flat(mode: str, side: int = SIDE) -> Image.Image:
    return Image.new(mode, (side, side))


BOMBS: dict[str, Callable[[], bytes]] = {
    "rgb.png": lambda: saved(flat("RGB"), "PNG", compress_level=1),
    "rgba.png": lambda: saved(flat("RGBA", 8_000), "PNG", compress_level=1),
    "grey.png": lambda: saved(flat("L", 10_000), "PNG", compress_level=1),
    "deep.png": lambda: saved(flat("I;16", 6_000), "PNG", compress_level=1),
    "palette.gif": lambda: saved(flat("P", 10_500), "GIF"),
    "one strip.tif": lambda: saved(flat("RGB", 8_000), "TIFF", compression="tiff_deflate", tiffinfo={278: 8_000}),
    "deep.tif": lambda: saved(flat("I;16", 6_000), "TIFF", compression="tiff_deflate"),
    "float.tif": lambda: saved(flat("F", 4_800), "TIFF", compression="tiff_deflate"),
    "plain.jpg": lambda: saved(flat("RGB"), "JPEG"),
    "progressive.jpg": lambda: saved(flat("L"), "JPEG", progressive=True),
    "all.webp": lambda: saved(flat("RGB", 6_000), "WEBP", quality=10, method=0),
    "all.jp2": lambda: saved(flat("RGB", 5_000), "JPEG2000"),
    "turned.png": lambda: saved(flat("RGB", 8_600), "PNG", compress_level=1, exif=turned()),
}


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def peak_of(root: Path) -> tuple[str, int]:
    """What a scan leaves out, and the most memory that it took, in kB."""
    run = [sys.executable, "-c", LOOK, str(root)]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=dict(os.environ))
    left_out, peak = done.stdout.strip().splitlines()
    return left_out, int(peak)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say a process's peak")
@pytest.mark.parametrize("name", BOMBS)
def test_a_scan_of_one_file_stays_under_a_gigabyte(name: str, make_folder: Make) -> None:
    root = make_folder(each=3)
    (root / "class0" / f"bomb {name}").write_bytes(BOMBS[name]())
    left_out, peak = peak_of(root)
    assert peak < PEAK
    assert left_out in {"[]", "['too large']"}


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "BUDGET", 30_000_000)


@pytest.mark.parametrize(
    "data",
    [
        saved(flat("RGB", 2_000), "WEBP", method=0),
        saved(flat("RGB", 2_200), "JPEG2000"),
        saved(flat("RGB", 2_000), "JPEG", progressive=True, subsampling=0),
        saved(flat("RGBA", 2_500), "PNG"),
        saved(flat("I;16", 2_500), "PNG"),
        saved(flat("F", 2_500), "TIFF"),
        saved(flat("RGB", 2_500), "TIFF", compression="tiff_deflate", tiffinfo={278: 2_500}),
        saved(flat("RGB", 2_500), "PNG", exif=turned()),
    ],
    ids=["webp", "jpeg 2000", "progressive", "transparent", "deep", "floats", "one strip", "turned"],
)
def test_what_takes_more_is_refused_by_name_unless_allowed(data: bytes, little: None) -> None:
    with pytest.raises(
        Undecodable, match=r"2,\d00 x 2,\d00 pixels .* GB of memory.* allowed; save it smaller"
    ) as caught:
        decode(data)
    assert caught.value.kind == "too large"
    allowed = int(str(caught.value).partition("--max-pixels ")[2].partition(" ")[0])
    assert decode(data, allowed).size[0] >= 2_000
    assert decode(data, None)
    assert not ALL.used.total()


def test_threads_wait_for_each_other(monkeypatch: pytest.MonkeyPatch, little: None) -> None:
    data, most, lock = saved(flat("RGB", 2_000), "PNG"), 0, threading.Lock()
    whole = Image.Image.getexif

    def noting(image: Image.Image) -> Image.Exif:
        nonlocal most
        with lock:
            most = max(most, ALL.used.total())
        return whole(image)

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.getexif", noting)
    sizes = [size for _, size in map_ahead(lambda _: decode(data).size, range(40), workers=6, chunk=1)]
    assert sizes == [(2_000, 2_000)] * 40
    assert 16_000_000 <= most <= 30_000_000
    assert not ALL.used.total()


def test_an_image_counts_as_long_as_there_is_one_and_a_second_one_does_not_wait(little: None) -> None:
    data = saved(flat("RGB", 2_500), "PNG")
    first = decode(data)
    assert ALL.used.total() == 25_000_000
    second = decode(data)  # this thread would wait for itself
    del first, second
    assert not ALL.used.total()
    with pytest.raises(Undecodable):
        decode(data[:-40])
    assert not ALL.used.total()


def test_small_images_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ALL, "take", lambda amount: pytest.fail(f"{amount} bytes"))
    for form in ("PNG", "WEBP", "JPEG"):
        decode(saved(flat("RGB", 250), form))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA", "I;16", "I", "F"])
def test_parts_give_what_the_whole_gives(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    depth = {"I;16": np.uint16, "I": np.int32, "F": np.float32}.get(mode, np.uint8)
    bands = {"RGB": 3, "RGBA": 4, "LA": 2}.get(mode)
    values = draw.integers(0, 255 if depth == np.uint8 else 40_000, (90, 70, *([bands] if bands else []))).astype(depth)
    data = saved(Image.fromarray(values) if mode != "P" else Image.fromarray(values).convert("P"), "TIFF")
    whole = decode_for(data, None)
    monkeypatch.setattr("regraft.data.parts.AT_ONCE", 500)
    monkeypatch.setattr("regraft.data.rendering.AT_ONCE", 500)
    parts = decode_for(data, None)
    assert parts.image.tobytes() == whole.image.tobytes()
    assert parts.depth == whole.depth
    monkeypatch.undo()
    assert hash_of(parts.image) == hash_of(whole.image)


def test_a_large_jpeg_is_looked_at_smaller_and_its_size_is_the_files(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved(flat("L", 8_200), "JPEG"))
    look, decoded = look_at(OnDisk(tmp_path / "a.jpg"), MAX_PIXELS)
    assert (look.width, look.height) == (8_200, 8_200)
    assert decoded.image.size == (4_100, 4_100)
    assert Given(lambda: decoded.image).read() is decoded.image
