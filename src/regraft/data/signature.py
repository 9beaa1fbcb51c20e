"""Which files without an image's suffix are images: by their first bytes."""

import struct
from contextlib import suppress

from PIL import Image

from regraft.data.content import Content, InTar, InZip, OnDisk
from regraft.data.decoding import HEIC_BRANDS

HEAD = 16  # bytes by which Pillow knows a format
BITMAP, RESERVED = b"BM", slice(6, 10)  # two letters that a text may have too, and four zero bytes of a bitmap


def starts_as_image(content: Content) -> bool:
    """Whether a format that Pillow reads, or HEIC, begins with its first bytes."""
    head = head_of(content) or b""
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        return True
    if head.startswith(BITMAP):
        return head[RESERVED] == bytes(4)
    Image.init()
    for _, accepts in Image.OPEN.values():
        with suppress(IndexError, TypeError, struct.error):  # too few bytes
            if accepts and accepts(head):
                return True
    return False


def head_of(content: Content) -> bytes | None:
    """The first bytes; None where they cannot be had."""
    try:
        match content:
            case OnDisk(path):
                with path.open("rb") as file:
                    return file.read(HEAD)
            case InZip(archive, info):
                with archive.open(info) as member:
                    return member.read(HEAD)
            case InTar(opened, offset, size):
                return opened.read_at(offset, min(HEAD, size))
    except Exception:  # zipfile and zlib raise many kinds; whoever reads all of it says why
        return None
    return None
