"""What is known of an image that was looked at, and the hash of what it shows."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from regraft.data.content import Content, hash_of
from regraft.data.decoding import Decoded, decode_for
from regraft.data.rendering import PLAIN, Rendering

IDENTITY = 2  # the version of identity_of; in the first, a JPEG's pixels were hashed as well
SCANNED = 4_096  # pixels a side from which on a JPEG is shrunk as it is looked at
JPEG = b"\xff\xd8"  # its first bytes
START_OF_SCAN = 0xDA
DESCRIPTIONS = {0xE1, 0xE2, 0xED, 0xFE}  # Exif and XMP, profiles and previews, Photoshop, comments


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at an image leaves: hashes of its bytes and its pixels (identity_of), and its size in pixels."""

    content: str
    pixels: str
    width: int
    height: int


def look_at(content: Content, max_pixels: int | None, rendering: Rendering = PLAIN) -> tuple[Look, Decoded]:
    """Read and decode one image; Undecodable where it cannot be."""
    data = content.read()
    decoded = decode_for(data, SCANNED, max_pixels, rendering)
    return look_of(hash_of(data), data, decoded), decoded


def look_of(content: str, data: bytes | Image.Image, decoded: Decoded) -> Look:
    """The look at an image, however far it was shrunk while it was decoded."""
    return Look(content, identity_of(data, decoded), *decoded.original)


def identity_of(data: bytes | Image.Image, decoded: Decoded) -> str:
    """A hash that files of the same pixels share.

    Of a JPEG it is taken of all but what says nothing of the pixels (descriptions, profiles, previews), with its
    orientation, so that no JPEG need be decoded whole. Of all else it is the hash of the pixels.
    """
    if isinstance(data, bytes) and data.startswith(JPEG):
        digest = hashlib.blake2b(str(decoded.orientation).encode(), digest_size=16)
        for part in without_descriptions(data):
            digest.update(part)
        return digest.hexdigest()
    return hash_of(decoded.image)


def without_descriptions(data: bytes) -> Iterator[memoryview]:
    """The segments of a JPEG that its pixels depend on."""
    view, place = memoryview(data), len(JPEG)
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != START_OF_SCAN:  # noqa: PLR2004
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4])
        if data[place + 1] not in DESCRIPTIONS:
            yield view[place:end]
        place = end
    yield view[place:]
