"""Drawings on transparency of which nothing shows on the background that is laid behind them."""

from regraft.data.decoding import Undecodable, decode_for, is_transparent
from regraft.data.images import ImageSet
from regraft.data.pixel_range import LOOKED_AT, spread, suffix_of
from regraft.errors import DataError

TRANSPARENT = frozenset((".png", ".apng", ".webp", ".gif", ".tif", ".tiff"))  # suffixes of what may be
TRIED = 4  # transparent images that are decoded


def check_that_something_shows(images: ImageSet) -> None:
    """Raise DataError where nothing shows of several transparent images spread over the set."""
    shown, seen = images.rendering.background, 0
    for file in spread([file for file in images.files if suffix_of(file.name) in TRANSPARENT], LOOKED_AT):
        try:
            data = file.content.read()
            if not is_transparent(data):
                continue
            depth = decode_for(data, None, None, images.rendering).depth
        except Undecodable:
            continue
        if depth is None or depth.levels > 1:
            return
        seen += 1
        if seen == TRIED:
            break
    if seen == TRIED:
        other = "black" if shown == "white" else "white"
        raise DataError(
            f"nothing shows of the transparent images in {images.root} on {shown}, which is laid behind them"
            f" (for one, of {file.name}); lay them on {other} with --background {other}"
        )
