"""Drawings on transparency of which nothing shows on the background that is laid behind them."""

from regraft.data.decoding import Undecodable, decode_for, is_transparent
from regraft.data.images import ImageSet
from regraft.data.pixel_range import EIGHT_BITS, LOOKED_AT, by_suffix, spread
from regraft.errors import DataError

OPAQUE = EIGHT_BITS - {"gif", "webp", "ico"}  # suffixes
TRIED = 4  # transparent images that are decoded


def check_that_something_shows(images: ImageSet) -> None:
    """Raise DataError where nothing shows of several transparent images spread over the set."""
    shown, seen = images.rendering.background, 0
    for file in spread(images.files, by_suffix(images.files, without=OPAQUE), LOOKED_AT):
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
