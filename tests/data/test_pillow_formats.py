"""Formats that are not documented are never opened, whoever registered a plugin for them."""

import io
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from odd import saved
from PIL import EpsImagePlugin, Image, ImageFile

import regraft as package
from regraft.data.content import Given, OnDisk
from regraft.data.decoding import Undecodable, decode, is_transparent, kinds_in, numbers_in, sides_of
from regraft.data.pillow_formats import READ, UNMARKED, is_known, opened
from regraft.data.rendering import PLAIN
from regraft.data.scan import scan
from regraft.data.signature import starts_as_image
from regraft.runs.thumbnails import thumbnail

Make = Callable[..., Path]
RGB = picture(0, 0, 32)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(touched) (w) file closefile\n%%EOF\n"
DOS_EPS = b"\xc5\xd0\xd3\xc6" + struct.pack("<6I", 32, len(EPS), 0, 0, 0, 0) + bytes(4) + EPS
OTHERS = {
    "EPS": EPS,
    "EPS of DOS": DOS_EPS,
    "XBM": b"#define im_width 8\n#define im_height 8\nstatic char im_bits[] = {\n0,0,0,0,0,0,0,0 };\n",
    **{form: saved(RGB, form) for form in ("DDS", "SGI", "ICNS", "QOI")},
    "WMF": b"\xd7\xcd\xc6\x9a" + struct.pack("<HhhhhHIH", 0, 0, 0, 100, 100, 72, 0, 0) + b"\1\0\x09\0" + bytes(20),
    "EMF": struct.pack("<II", 1, 100) + struct.pack("<8i", 0, 0, 99, 99, 0, 0, 2540, 2540) + b" EMF" + bytes(60),
    "Photoshop": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + bytes(400),
    "FITS": b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800),
}  # fmt: skip
ASKED: dict[str, Callable[[bytes], object]] = {
    "decode": decode,
    "sides_of": sides_of,
    "kinds_in": lambda data: kinds_in(data, PLAIN),
    "is_transparent": is_transparent,
    "numbers_in": lambda data: numbers_in(data, PLAIN, None),
}


class Stranger(ImageFile.ImageFile):
    """A plugin that another library registered."""

    format = "STRANGER"
    calls = 0

    def _open(self) -> None:
        Stranger.calls += 1
        self._size, self._mode = (8, 8), "L"
        self.tile = [ImageFile._Tile("raw", (0, 0, 8, 8), 0, ("L", 0, 1))]

    def load(self) -> None:  # type: ignore[override]
        Stranger.calls += 1
        super().load()


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every plugin outside the list notes that it was called; a stranger claims all files, JPEGs too."""
    called: list[str] = []
    Image.init()
    allowed = {one.name for one in (*READ, UNMARKED)}
    for name, (factory, accepts) in list(Image.OPEN.items()):

        def noting(*args: object, name: str = name, factory: Callable[..., object] = factory) -> object:
            called.append(name)
            return factory(*args)

        if name not in allowed:
            monkeypatch.setitem(Image.OPEN, name, (noting, accepts))
    for name in ("STRANGER", "JPEG", "PNG"):
        monkeypatch.setitem(Image.OPEN, name, (Stranger, lambda head: True))
    monkeypatch.setattr(Image, "ID", ["STRANGER", *Image.ID])
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *args: called.append("Ghostscript"))
    Stranger.calls = 0
    yield called
    assert not called
    assert not Stranger.calls


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("asked", ASKED)
def test_another_format_is_refused_and_no_plugin_called(kind: str, asked: str, strangers: list[str]) -> None:
    with pytest.raises(Undecodable) as caught:
        ASKED[asked](OTHERS[kind])
    if asked in {"decode", "sides_of"}:
        assert caught.value.kind == "not an image", caught.value
    if kind.startswith("EPS") and asked == "decode":
        assert str(caught.value) == "a format that is not read: EPS; save it as PNG or JPEG"


def test_a_stranger_gets_no_file_of_ours(strangers: list[str], tmp_path: Path) -> None:
    for form in ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF", "JPEG2000", "TGA", "PPM", "ICO", "PCX", "DIB"):
        image = opened(saved(RGB, form))
        assert image.size == RGB.size or form == "ICO", form
        assert decode(saved(RGB, form)).size == image.size
        assert form == "TGA" or is_known(saved(RGB, form)[:16])
    path = tmp_path / "a.jpg"
    path.write_bytes(EPS)
    assert thumbnail(OnDisk(path)) is None
    assert not starts_as_image(OnDisk(path))


def test_an_eps_in_a_folder_starts_nothing(strangers: list[str], make_folder: Make) -> None:
    root = make_folder(each=6)
    (root / "class0" / "photo.jpg").write_bytes(EPS)
    faults = {fault.path: fault for fault in scan(root).faults}
    assert faults["class0/photo.jpg"].kind == "not an image"
    assert "EPS" in faults["class0/photo.jpg"].reason


def test_an_image_given_in_python_is_not_decoded_by_another_plugin(strangers: list[str]) -> None:
    lazy = EpsImagePlugin.EpsImageFile(io.BytesIO(EPS), "")
    with pytest.raises(Undecodable, match=r"EPS; give image\.copy\(\)"):
        Given(lambda: lazy).read()
    other = Stranger(io.BytesIO(bytes(64)), "")
    Stranger.calls = 0
    with pytest.raises(Undecodable, match=r"STRANGER; give image\.copy\(\)"):
        Given(lambda: other).read()
    images = [picture(kind, i) for kind in range(2) for i in range(6)]
    assert len(scan(package.from_arrays([*images, lazy], [*(["a"] * 6), *(["b"] * 6), "a"])).files) == 12


def test_pixels_that_another_plugin_has_decoded_are_taken() -> None:
    other = Stranger(io.BytesIO(bytes(range(64))), "")
    other.load()
    assert np.asarray(Given(lambda: other).read()).shape == (8, 8)
    assert Given(lambda: Image.open(io.BytesIO(saved(RGB, "WEBP")))).read().size == RGB.size


def test_an_icon_with_a_large_picture_is_refused_before_it_is_decoded() -> None:
    large = saved(Image.new("L", (9000, 9000)), "PNG")
    head = struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(large), 22)
    with pytest.raises(Undecodable, match="9000 x 9000"):
        sides_of(head + large)
    bitmap = head + struct.pack("<IiiHHIIiiII", 40, 30_000, 60_000, 1, 32, 0, 0, 0, 0, 0, 0)
    with pytest.raises(Undecodable, match="30000 x 30000"):
        decode(bitmap)


def test_no_program_is_started(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(EPS)
    code = f"""
import sys
sys.addaudithook(lambda event, args: sys.exit(9) if event in ("subprocess.Popen", "os.system", "os.posix_spawn") else 0)
from pathlib import Path
from regraft.data.content import OnDisk
from regraft.data.identity import look_at
from regraft.data.decoding import Undecodable
try:
    look_at(OnDisk(Path({str(path)!r})), None)
except Undecodable as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "EPS" in done.stdout
