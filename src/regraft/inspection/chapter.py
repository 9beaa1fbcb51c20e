"""What a method gives to the page: pictures with captions. How they are laid out is the page's."""

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Figure:
    """One picture."""

    name: str  # of its file, without a suffix: letters, digits, dots and dashes
    caption: str  # a sentence or two
    picture: Image.Image | str  # pixels, or SVG
    cut: str | None = None  # the layer that it belongs to
    warning: str | None = None  # a sentence that is shown across the picture


@dataclass(frozen=True)
class Chapter:
    """The pictures of one method."""

    key: str  # as --only names it
    title: str
    lead: str  # how to read the pictures: plain sentences
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()  # figures and remarks in words
