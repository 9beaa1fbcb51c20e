"""A DICOM image, read by pydicom where that is installed."""

import io
from typing import Any

import numpy as np

from regraft.data.bands import Bands
from regraft.data.memory import take
from regraft.data.undecodable import Undecodable, check_size

START, MARK = 128, b"DICM"
BYTES = 24  # a pixel of a frame, on its way
GREY = "DICOM grey"


def is_dicom(data: bytes) -> bool:
    """Whether the bytes are a DICOM file's."""
    return data[START : START + len(MARK)] == MARK


def read_dicom(data: bytes, max_pixels: int | None) -> Bands:
    """The numbers of its first frame, in the units that it names (Hounsfield's, of a CT)."""
    try:
        import pydicom
    except ImportError:
        reason = "a DICOM image; install regraft[dicom] to read it, or save it as PNG or TIFF"
        raise Undecodable("needs an extra", reason) from None
    file = pydicom.dcmread(io.BytesIO(data))
    if "PixelData" not in file:
        raise Undecodable("not an image", "a DICOM file without pixels, as a report or an index; leave it out")
    check_size(int(file.Columns), int(file.Rows), max_pixels)
    taken = int(file.Columns) * int(file.Rows) * int(file.get("NumberOfFrames", 1) or 1) * BYTES
    take(taken + len(data), max_pixels, (int(file.Columns), int(file.Rows)))
    values, colour = first_frame(file), int(file.get("SamplesPerPixel", 1)) > 1
    if colour:
        photometric = str(file.PhotometricInterpretation)
        if photometric.startswith("YBR"):
            values = pydicom.pixels.convert_color_space(values, photometric, "RGB")
        return Bands(np.asarray(values))
    slope, start = float(file.get("RescaleSlope", 1) or 1), float(file.get("RescaleIntercept", 0) or 0)
    if (slope, start) != (1.0, 0.0):
        values = values.astype(np.float32) * np.float32(slope) + np.float32(start)
    inverted = file.get("PhotometricInterpretation") == "MONOCHROME1"
    return Bands(values[:, :, None], grey=GREY, inverted=inverted)


def first_frame(file: Any) -> np.ndarray:
    """(height, width) or (height, width, 3)."""
    values: np.ndarray = file.pixel_array
    frames = int(file.get("NumberOfFrames", 1) or 1) > 1
    return np.asarray(values[0] if frames else values)
