"""The formats that Pillow is let to read, known by their first bytes: no other plugin of it is ever called.

Some of those start programs (PostScript's starts Ghostscript), and faults stay where nobody looks.
"""

import io
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from PIL import Image, ImageFile, UnidentifiedImageError

from regraft.data.undecodable import Undecodable

HEIC = re.compile(rb"....ftyp(heic|heix|hevc|mif1|msf1)", re.DOTALL)  # the last two may be AVIF's as well
ICON_PIXELS = 1 << 22  # of a picture in an icon, which says itself that it has 256 x 256 at most
TWICE = 2  # an icon's bitmap has its mask below it


@dataclass(frozen=True)
class Format:
    """A format that is read: Pillow's name for it, the module and what in it opens a file, its first bytes."""

    name: str
    module: str
    opener: str
    starts: re.Pattern[bytes]


READ = tuple(
    Format(name, f"PIL.{module}ImagePlugin", opener, re.compile(starts, re.DOTALL))
    for name, module, opener, starts in (
        ("JPEG", "Jpeg", "jpeg_factory", rb"\xff\xd8\xff"),  # and MPO, which telephones write
        ("PNG", "Png", "PngImageFile", rb"\x89PNG\r\n\x1a\n"),
        ("GIF", "Gif", "GifImageFile", rb"GIF8[79]a"),
        ("WEBP", "WebP", "WebPImageFile", rb"RIFF....WEBPVP8[ XL]"),
        ("TIFF", "Tiff", "TiffImageFile", rb"II[*+]\x00|MM\x00[*+]|MM\*\x00|II\x00\*"),
        ("BMP", "Bmp", "BmpImageFile", rb"BM"),
        ("PPM", "Ppm", "PpmImageFile", rb"P[0-6fy]"),
        ("JPEG2000", "Jpeg2K", "Jpeg2KImageFile", rb"\xff\x4f\xff\x51|\x00\x00\x00\x0cjP  \r\n\x87\n"),
        ("AVIF", "Avif", "AvifImageFile", rb"....ftyp(avif|avis|mif1|msf1)"),
        ("ICO", "Ico", "IcoImageFile", rb"\x00\x00\x01\x00"),
        ("PCX", "Pcx", "PcxImageFile", rb"\n[\x00\x02\x03\x05]"),
        ("DIB", "Bmp", "DibImageFile", rb"[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00"),
    )
)
HEIF = Format("HEIF", "pillow_heif", "HeifImageFile", HEIC)
UNMARKED = Format("TGA", "PIL.TgaImagePlugin", "TgaImageFile", re.compile(b""))  # its head is looked through
NOT_READ = (  # by name, where there is something to name
    ("EPS", re.compile(rb"\s{0,8}%!PS|\xc5\xd0\xd3\xc6")),
    ("PDF", re.compile(rb"\s{0,8}%PDF")),
    ("Photoshop", re.compile(rb"8BPS")),
    ("SVG", re.compile(rb"\s{0,8}<(svg|\?xml)")),
    ("WMF", re.compile(rb"\xd7\xcd\xc6\x9a|\x01\x00\x00\x00.{36} EMF", re.DOTALL)),
    ("JPEG XL", re.compile(rb"\xff\x0a|\x00\x00\x00\x0cJXL ")),
    ("FITS", re.compile(rb"SIMPLE  =")),
    ("HDF5", re.compile(rb"\x89HDF")),
    ("GRIB", re.compile(rb"GRIB")),
    ("BUFR", re.compile(rb"BUFR")),
    ("DDS", re.compile(rb"DDS ")),
    ("ICNS", re.compile(rb"icns")),
    ("QOI", re.compile(rb"qoif")),
    ("SGI", re.compile(rb"\x01\xda[\x00\x01]")),
    ("OpenEXR", re.compile(rb"v/1\x01")),
    ("Radiance", re.compile(rb"#\?R(ADIANC|GB)E")),
    ("XPM", re.compile(rb"/\* XPM \*/")),
    ("Fujifilm's raw", re.compile(rb"FUJIFILM")),
    ("DjVu", re.compile(rb"AT&TFORM")),
    ("MPEG", re.compile(rb"\x00\x00\x01[\xb3\xba]")),
    ("MP4", re.compile(rb"....ftyp(isom|iso2|mp4[12]|qt  |M4V )", re.DOTALL)),
)


def opened(data: bytes) -> Image.Image:
    """The image with its pixels not yet decoded, and without Pillow's limit on them, which holds for the process.

    HEIC through pillow-heif, where that is installed. Raises Undecodable where the format is none that is read.
    """
    for one in formats_of(data):
        with suppress(SyntaxError, IndexError, TypeError, struct.error):  # as Pillow does: another format's bytes
            return opened_as(one, data)
    if HEIC.match(data) and not heif_is_there():
        raise Undecodable("needs an extra", "a HEIC image; install regraft[heif] to read it, or save it as JPEG")
    for name, starts in NOT_READ:
        if starts.match(data):
            raise Undecodable("not an image", f"a format that is not read: {name}; save it as PNG or JPEG")
    with suppress(SyntaxError, IndexError, TypeError, struct.error):
        return opened_as(UNMARKED, data)
    raise UnidentifiedImageError


def formats_of(data: bytes) -> Iterator[Format]:
    """The formats whose first bytes these are."""
    yield from (one for one in READ if one.starts.match(data))
    if HEIC.match(data) and heif_is_there():
        yield HEIF


def is_known(head: bytes) -> bool:
    """Whether the first bytes are those of a format that is read; HEIC's too, where that needs an extra."""
    return any(one.starts.match(head) for one in (*READ, HEIF))


def opened_as(one: Format, data: bytes) -> Image.Image:
    """The image, in a format."""
    if one.name == "ICO":
        check_icon(data)
    return opener_of(one.module, one.opener)(io.BytesIO(data), "")


@cache
def opener_of(module: str, name: str) -> Callable[[io.BytesIO, str], Image.Image]:
    """What in a module of Pillow's opens a file."""
    opener: Callable[[io.BytesIO, str], Image.Image] = getattr(import_module(module), name)
    return opener


def heif_is_there() -> bool:
    """Whether pillow-heif is installed."""
    try:
        import_module("pillow_heif")
    except ImportError:
        return False
    return True


def check_icon(data: bytes) -> None:
    """Raise Undecodable where a picture in an icon is large: Pillow decodes it as it opens the icon."""
    for entry in range(int.from_bytes(data[4:6], "little")):
        place = int.from_bytes(data[18 + 16 * entry : 22 + 16 * entry], "little")
        head = data[place : place + 24]
        if head.startswith(b"\x89PNG"):
            width, height = int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
        else:
            width = abs(int.from_bytes(head[4:8], "little", signed=True))
            height = abs(int.from_bytes(head[8:12], "little", signed=True)) // TWICE
        if width * height > ICON_PIXELS:
            raise Undecodable("too large", f"an icon with a picture of {width} x {height}; save that as PNG")


def check_given(image: Image.Image) -> None:
    """Raise Undecodable for an image in memory that would be decoded now, by a plugin that is not let to."""
    if not isinstance(image, ImageFile.ImageFile) or is_let(type(image)):
        return
    if image.tile or getattr(image, "_im", None) is None:  # not decoded yet
        name = image.format or type(image).__name__
        raise Undecodable("not an image", f"a format that is not read: {name}; give image.copy(), which decodes it")


def is_let(kind: type) -> bool:
    """Whether a class is Pillow's, or pillow-heif's, for one of the formats that are read."""
    own = {one.module for one in (*READ, UNMARKED)} | {"PIL.MpoImagePlugin"}
    return kind.__module__ in own or kind.__module__.partition(".")[0] == HEIF.module
