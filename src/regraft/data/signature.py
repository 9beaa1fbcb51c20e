"""Which files without a suffix are images: by their first bytes."""

from contextlib import suppress

from regraft.data.content import Content, InTar, InZip, OnDisk

HEAD = 16  # bytes that are looked at
STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ")
BITMAP = b"BM"
BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")


def starts_as_image(content: Content) -> bool:
    """Whether the first bytes are those of a JPEG, PNG, GIF, TIFF, WebP, BMP, JPEG 2000, AVIF or HEIC file."""
    head = head_of(content)
    if head.startswith(STARTS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return True
    if head[4:8] == b"ftyp":
        return head[8:12] in BRANDS
    return head.startswith(BITMAP) and head[6:10] == bytes(4)  # two reserved fields


def head_of(content: Content) -> bytes:
    """The first bytes; none where they cannot be had."""
    with suppress(Exception):  # zipfile and zlib raise many kinds; whoever reads all of it says why
        if isinstance(content, OnDisk):
            with content.path.open("rb") as file:
                return file.read(HEAD)
        if isinstance(content, InZip):
            with content.archive.open(content.info) as member:
                return member.read(HEAD)
        if isinstance(content, InTar):
            return content.file.read_at(content.offset, min(HEAD, content.size))
    return b""
