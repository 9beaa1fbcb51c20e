"""What an image file holds, by its bytes: numbers in bands that Pillow does not read, and how deep they are."""

from PIL import Image

from regraft.data.bands import Bands
from regraft.data.deep_png import KIND, read_deep_png
from regraft.data.dicom import is_dicom, read_dicom
from regraft.data.many_bands import kinds_of_tiff, layout_of, pillow_reads, read_tiff
from regraft.data.numpy_file import MAGIC, read_numpy
from regraft.data.rendering import DEEP_MODES, Rendering

SHALLOW_PNG = "16-bit PNG with transparency"  # grey: Pillow reads its upper 8 bits; there is nothing to scale


def bands_in(data: bytes, rendering: Rendering, max_pixels: int | None) -> Bands | None:
    """The numbers of a file that Pillow does not read as it should; None of any other. Undecodable where it is none."""
    if data.startswith(MAGIC):
        return read_numpy(data, max_pixels)
    if is_dicom(data):
        return read_dicom(data, max_pixels)
    return read_deep_png(data, rendering, max_pixels) or read_tiff(data, rendering, max_pixels)


def own_kind(data: bytes, rendering: Rendering) -> str | None:
    """What a file is called that is no picture to Pillow; empty where it has 8 bits, None where it is one."""
    if data.startswith(MAGIC):
        return read_numpy(data, None).chosen(rendering.bands).kind or ""
    if is_dicom(data):
        return read_dicom(data, None).chosen(rendering.bands).kind or ""
    if layout_of(data) is None or pillow_reads(data):
        return None
    return next(iter(kinds_of_tiff(data, rendering, fewest=1)), "")


def own_sides(data: bytes) -> tuple[int, int] | None:
    """Width and height of a file that is no picture to Pillow; None where it is one."""
    if data.startswith(MAGIC) or is_dicom(data):
        bands = read_numpy(data, None) if data.startswith(MAGIC) else read_dicom(data, None)
        return bands.values.shape[1], bands.values.shape[0]
    layout = layout_of(data)
    return None if layout is None or pillow_reads(data) else layout.sides


def kinds_of(image: Image.Image, data: bytes | Image.Image, rendering: Rendering) -> tuple[str, ...]:
    """What an image that Pillow opened is called where it has more than 8 bits, or a band of unknown meaning."""
    if image.mode in DEEP_MODES:
        return (DEEP_MODES[image.mode],)
    if image.format == "PNG" and getattr(image, "tile", None) and ";16" in str(image.tile[0][3]):  # type: ignore[attr-defined]
        return (SHALLOW_PNG if image.mode == "LA" else KIND,)
    return kinds_of_tiff(data, rendering) if isinstance(data, bytes) and image.format == "TIFF" else ()
