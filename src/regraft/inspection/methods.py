"""The ways to look at a network, each by the name that ``only`` takes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from regraft.data.content import OnDisk
from regraft.data.decoding import Undecodable, decode_for
from regraft.data.images import ImageFile
from regraft.errors import DataError, RecipeError
from regraft.inspection.chapter import Chapter
from regraft.inspection.chapters import (
    activation_maps,
    attributions,
    before_after,
    dreams,
    filters,
    image_map,
    own_filter,
    patches,
    receptive_fields,
)
from regraft.inspection.examples import examples_of
from regraft.inspection.images import Shown
from regraft.inspection.pictures import Picture, pictures
from regraft.inspection.subject import Subject
from regraft.network.cuts import Cut


@dataclass(frozen=True)
class Wish:
    """What is to be looked at, and with what."""

    subject: Subject
    shown: Shown | None  # None: there are no images
    cut: Cut | None = None  # one layer alone
    channel: int | None = None
    image: Path | None = None
    kernel: str | None = None
    stride: int = 1  # of the own filter
    padding: int | None = None  # likewise; None: so that the size stays
    pooling: int = 2  # likewise
    label: int | None = None  # the class that patches and dreams are about
    seed: int = 0

    @property
    def cuts(self) -> list[Cut] | None:
        """The layer that was asked for; None: those that the method chooses."""
        return [self.cut] if self.cut else None

    @property
    def images(self) -> Shown:
        """The images; DataError where there are none."""
        if self.shown is None:
            raise DataError("this needs images to look with; name a folder of labelled ones with --data")
        return self.shown

    @property
    def unseen(self) -> list[ImageFile]:
        """The images that trained nothing."""
        return [self.images.images.files[row] for row in self.images.unseen]

    def picture(self) -> Picture:
        """The image that was named, else the first that trained nothing."""
        if self.image is None:
            found = next(iter(pictures(self.subject, self.unseen)), None)
            if found is None:
                raise DataError(f"no image in {self.images.name} can be decoded; name one with --image")
            return found
        preprocessing, picture = self.subject.preprocessing, self.whole_picture()
        return Picture(0, self.image.name, 0, preprocessing.pixels(picture))

    def whole_picture(self) -> Image.Image:
        """The same before it is resized and cropped."""
        content = OnDisk(self.image) if self.image else self.unseen[0].content
        try:
            return decode_for(content.read(), None, self.subject.max_pixels, self.subject.rendering).image
        except Undecodable as error:
            raise DataError(f"{self.image or self.unseen[0].name} cannot be looked at: {error}; name another") from None


def look_at_patches(wish: Wish) -> Chapter:
    """What excites channels most."""
    images = wish.images.images
    return patches.chapter_of(
        wish.subject, images.files, images.classes, wish.cuts, wish.channel, wish.label, seed=wish.seed
    )


def look_at_fields(wish: Wish) -> Chapter:
    """How much of an image a position sees."""
    return receptive_fields.chapter_of(wish.subject, wish.unseen)


def look_at_maps(wish: Wish) -> Chapter:
    """One image through the depth of the network."""
    return activation_maps.chapter_of(wish.subject, wish.picture(), wish.cuts or ())


def look_at_filters(wish: Wish) -> Chapter:
    """Kernels."""
    return filters.chapter_of(wish.subject)


def look_at_change(wish: Wish) -> Chapter:
    """What training changed."""
    return before_after.chapter_of(wish.subject, wish.images.images.files, wish.unseen)


def look_at_attributions(wish: Wish) -> Chapter:
    """Why an image got its answer."""
    shown = wish.images
    return attributions.chapter_of(wish.subject, examples_of(wish.subject, shown.images.of(shown.unseen)))


def look_at_images(wish: Wish) -> Chapter:
    """The images on a map."""
    images, cut = wish.images.images, wish.cut.name if wish.cut else None
    return image_map.chapter_of(wish.subject, images.files, images.classes, cut, seed=wish.seed)


def look_at_dreams(wish: Wish) -> Chapter:
    """Made pictures."""
    files = wish.shown.images.files if wish.shown else ()
    cuts = [wish.cut.name] if wish.cut else None
    channels = {wish.cut.name: [wish.channel]} if wish.cut and wish.channel is not None else None
    image = wish.whole_picture() if wish.image or wish.shown else None
    classes = None if wish.label is None else [wish.label]
    return dreams.chapter_of(wish.subject, files, cuts, channels, classes, image=image, seed=wish.seed)


def look_through_own_filter(wish: Wish) -> Chapter:
    """A kernel of the user's on an image."""
    if wish.kernel is None:
        raise RecipeError("own-filter needs a filter; give one with --kernel, such as sobel-x")
    pixels = np.asarray(wish.whole_picture())
    return own_filter.chapter_of(wish.subject, wish.kernel, pixels, wish.stride, wish.padding, wish.pooling)


METHODS: dict[str, Callable[[Wish], Chapter]] = {
    "patches": look_at_patches,
    "fields": look_at_fields,
    "maps": look_at_maps,
    "filters": look_at_filters,
    "change": look_at_change,
    "attributions": look_at_attributions,
    "images": look_at_images,
    "dreams": look_at_dreams,
    "own-filter": look_through_own_filter,
}
