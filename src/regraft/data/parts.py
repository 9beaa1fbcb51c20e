"""Large images worked on part by part, so that no second one of their size is made on the way."""

from collections.abc import Callable, Iterator

from PIL import Image

AT_ONCE = 1 << 22  # pixels


def parts_of(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """The image in parts of whole rows, each with its first row; a small one as it is."""
    rows = max(1, AT_ONCE // max(1, image.width))
    if rows >= image.height:
        yield 0, image
        return
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(image.height, top + rows)))


def in_parts(image: Image.Image, change: Callable[[Image.Image], Image.Image], mode: str) -> Image.Image:
    """What ``change``, which looks at each pixel alone, makes of an image: one of ``mode``."""
    if image.width * image.height <= AT_ONCE:
        return change(image)
    changed = Image.new(mode, image.size)
    for top, part in parts_of(image):
        changed.paste(change(part), (0, top))
    return changed
