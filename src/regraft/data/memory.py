"""How much memory images take while they are decoded: one budget for all threads, and a limit for each image."""

import ctypes
import threading
import time
import weakref
from collections import Counter
from contextlib import suppress
from typing import Self

from PIL import Image

from regraft.data.undecodable import Undecodable
from regraft.recipe import MAX_PIXELS

PIXEL = 4  # bytes that Pillow keeps of one, whether grey turned RGB or RGB
BUDGET = 600_000_000  # bytes for all threads together; with all else a process stays under 1 GB
LARGE = 1 << 26  # bytes, before which what the C library keeps of freed memory is given back
SMALL = 1 << 23  # bytes that are not counted: waiting for each other would cost more
MOMENT = 0.01  # seconds
PATIENCE = 60.0  # seconds after which an image is decoded all the same: nothing may hang
DEPTHS = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}  # bytes a pixel of a mode, else PIXEL
BESIDE = {"WEBP": 12, "AVIF": 10, "JPEG2000": 18, "HEIF": 12}  # bytes a pixel that a decoder takes beside the image
AS_NUMBERS = {2: 9, 4: 16}  # and what deep ones take on their way to 8 bits, by bytes a pixel
COEFFICIENT = 2  # bytes; a JPEG of several scans keeps them all
COMPRESSION, ROWS = 259, 278  # tags of a TIFF


class Budget:
    """Bytes in use by images that are being decoded, or that were and are still looked at."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.used: Counter[int] = Counter()  # by thread

    def take(self, amount: int) -> None:
        """Wait until there is room. Who holds some already does not wait, nor who would be alone."""
        me = threading.get_ident()

        def fits() -> bool:
            return bool(self.used[me]) or not (total := self.used.total()) or total + amount <= BUDGET

        with self.changed:
            self.changed.wait_for(fits, PATIENCE)
            self.used[me] += amount
        if amount >= LARGE:
            time.sleep(MOMENT)  # an image gives its share back just before its pixels go
            give_back()

    def give(self, thread: int, amount: int) -> None:
        """Give back what a thread took."""
        with self.changed:
            self.used[thread] -= amount
            self.changed.notify_all()


def give_back() -> None:
    """Give freed memory back to the system where the C library can; glibc keeps much of it for each thread."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


ALL = Budget()
CURRENT = threading.local()  # the Decoding under way in each thread


class Decoding:
    """One image that is being decoded: what it takes is given back in the end, or with the image that comes of it."""

    def __init__(self) -> None:
        self.amount = 0

    def __enter__(self) -> Self:
        self.outer = getattr(CURRENT, "decoding", None)
        CURRENT.decoding = self
        return self

    def __exit__(self, *_: object) -> None:
        CURRENT.decoding = self.outer
        if self.amount:
            ALL.give(threading.get_ident(), self.amount)

    def ends_with(self, image: Image.Image) -> None:
        """From now on only the image counts, as long as there is one."""
        left = min(self.amount, PIXEL * image.width * image.height)
        if left >= SMALL:
            weakref.finalize(image, ALL.give, threading.get_ident(), left).atexit = False
            self.amount -= left


def take(amount: int, max_pixels: int | None, size: tuple[int, int]) -> None:
    """Take so many bytes for the image under way; Undecodable where that is more than any image may take.

    The limit grows with ``max_pixels``, where that is more than usual; None sets none.
    """
    if amount < SMALL:
        return
    decoding: Decoding | None = getattr(CURRENT, "decoding", None)
    total = amount + (decoding.amount if decoding else 0)
    if max_pixels and total > (BUDGET if max_pixels <= MAX_PIXELS else PIXEL * max_pixels):
        pixels, enough = f"{size[0]:,} x {size[1]:,} pixels", max(MAX_PIXELS, total // PIXEL) + 1
        taken = f"{pixels} of its kind take {total / 1e9:.1f} GB of memory, {BUDGET / 1e9:.1f} are allowed"
        how = f"save it smaller, or as an 8-bit PNG or plain JPEG (--max-pixels {enough} allows it)"
        raise Undecodable("too large", f"{taken}; {how}")
    if decoding:
        ALL.take(amount)
        decoding.amount += amount


def take_for(image: Image.Image, data: bytes, original: tuple[int, int], max_pixels: int | None, deep: bool) -> None:
    """Take what an image that Pillow has opened, and may have shrunk from its ``original`` size, needs at most."""
    pixels = image.width * image.height
    if max(pixels, original[0] * original[1]) * (BESIDE["JPEG2000"] + 2 * PIXEL) < SMALL:
        return
    each = DEPTHS.get(image.mode, PIXEL) + BESIDE.get(image.format or "", 0)
    each += 0 if image.mode == "RGB" and "transparency" not in image.info else PIXEL
    each += AS_NUMBERS[DEPTHS.get(image.mode, PIXEL)] if deep else 0
    beside = len(data) if len(data) > SMALL else 0
    if image.format in {"JPEG", "MPO"}:
        beside += coefficients(image, data, original)
    elif image.format == "TIFF":
        beside += strip_of(image)
    take(each * pixels + beside, max_pixels, original)


def coefficients(image: Image.Image, data: bytes, original: tuple[int, int]) -> int:
    """Bytes of all coefficients of a JPEG that comes in several scans; 0 of any other."""
    layers = [(layer[1], layer[2]) for layer in getattr(image, "layer", ())]
    if not layers or not ("progressive" in image.info or components_of_first_scan(data) < len(layers)):
        return 0
    across, down = (max(layer[side] for layer in layers) or 1 for side in (0, 1))
    share = sum(wide * high for wide, high in layers) / (across * down)
    return int(COEFFICIENT * share * original[0] * original[1])


def components_of_first_scan(data: bytes) -> int:
    """How many colours the first scan of a JPEG has."""
    place = 2
    while place + 4 < len(data) and data[place] == 0xFF:  # noqa: PLR2004
        if data[place + 1] == 0xDA:  # noqa: PLR2004 - start of scan
            return data[place + 4]
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return 0


def strip_of(image: Image.Image) -> int:
    """Bytes of one unpacked strip of a TIFF, which libtiff keeps beside the image."""
    tags = getattr(image, "tag_v2", {})
    if tags.get(COMPRESSION, 1) == 1:
        return 0
    rows = tags.get(ROWS, image.height)
    return PIXEL * image.width * min(image.height, int(rows) if isinstance(rows, int) else image.height)
