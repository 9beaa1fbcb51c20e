"""A .npy file as an image, read by NumPy; nothing in it is executed."""

import io

import numpy as np

from regraft.data.bands import Bands
from regraft.data.memory import take
from regraft.data.undecodable import Undecodable, check_size

MAGIC = b"\x93NUMPY"
COPIES = 4  # of its numbers at once, on their way
GREY, COLOUR = 2, 3  # dimensions
FEW = 4  # numbers a pixel, from which the first dimension may be the bands', where it is the smallest


def read_numpy(data: bytes, max_pixels: int | None) -> Bands:
    """The numbers (height, width), (height, width, bands) or (bands, height, width)."""
    take(COPIES * len(data), max_pixels, (len(data) // FEW, FEW))
    try:
        values = np.load(io.BytesIO(data), allow_pickle=False)
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise Undecodable(
                "not an image", "it holds Python objects, which are not read; save plain numbers"
            ) from None
        raise Undecodable("truncated", "its numbers end early, or its head is damaged; save it anew") from None
    if values.dtype.kind not in "buif" or values.size == 0 or values.ndim not in {GREY, COLOUR}:
        shape = " x ".join(map(str, values.shape)) or "one number"
        raise Undecodable("not an image", f"it holds {shape} of {values.dtype}; save height x width x bands of numbers")
    if values.ndim == GREY:
        values = values[:, :, None]
    elif values.shape[2] > FEW and values.shape[0] < min(values.shape[1:]):
        values = np.moveaxis(values, 0, -1)
    check_size(values.shape[1], values.shape[0], max_pixels)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8) * 255
    elif values.dtype == np.int8:
        values = values.astype(np.int16)
    return Bands(np.asarray(values, values.dtype.newbyteorder("=")))
