"""Which files without an image's suffix are images: by their first bytes."""

from contextlib import suppress

from regraft.data.content import Content, Given, InTar, InZip, OnDisk, unfit
from regraft.data.pillow_formats import is_known

HEAD = 16  # bytes by which a format is known
BITMAP, RESERVED = b"BM", slice(6, 10)  # two letters that a text may have too, and four zero bytes of a bitmap


def starts_as_image(content: Content) -> bool:
    """Whether a format that is read begins with its first bytes."""
    head = head_of(content) or b""
    return head[RESERVED] == bytes(4) if head.startswith(BITMAP) else is_known(head)


def head_of(content: Content) -> bytes | None:
    """The first bytes; None where they cannot be had."""
    with suppress(Exception):  # zipfile and zlib raise many kinds; whoever reads all of it says why
        match content:
            case OnDisk(path):
                if unfit(path.stat()):
                    return None
                with path.open("rb") as file:
                    return file.read(HEAD)
            case InZip(archive, info):
                with archive.open(info) as member:
                    return member.read(HEAD)
            case InTar(opened, offset, size):
                return opened.read_at(offset, min(HEAD, size))
            case Given():
                data = content.read()
                return data[:HEAD] if isinstance(data, bytes) else None
    return None
