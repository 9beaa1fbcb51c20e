"""Archives read in place, .zip and .tar. Nothing is unpacked to disk but the plain tar of a compressed one."""

import bz2
import gzip
import lzma
import re
import tarfile
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from os import SEEK_END
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from regraft.data.content import Content, InTar, InZip, OpenFile, Readable
from regraft.data.images import FEWEST_CLASSES, IGNORED, KEPT, Fault, ImageSet
from regraft.data.readers.class_folders import by_folder
from regraft.data.readers.folder import Tree, is_hidden
from regraft.errors import DataError, reason_of
from regraft.recipe import Reading

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
COMPRESSIONS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
MOST_EXPANSION = 100  # times its size that a compressed tar may unpack to, beyond
FREE_BYTES = 1 << 30  # so many
CHUNK = 1 << 22
MOST_HEADER = 1 << 20  # bytes of a member's extended header
MOST_DIGITS = 1_000  # in a row in one
IN_UNICODE = 0x800  # a member's flag
DOUBTFUL = "doubtful names"
TEACHABLE_MACHINE = "-samples"  # after the class in the names of its archives


def is_tar(path: Path) -> bool:
    """Whether the name is a tar's."""
    return path.name.lower().endswith(TARS)


def read_zip(path: Path, reading: Reading = Reading(), fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """The images in a zip archive, as those in a folder."""
    return in_zip(path, zip_tree(path, reading.zip_names), reading, fewest_classes)


def in_zip(path: Path, tree: Tree, reading: Reading, fewest_classes: int) -> ImageSet:
    """The same of its members."""
    return doubting(by_folder(path, tree, reading, fewest_classes))


def read_archives(folder: Path, archives: list[Path], reading: Reading, fewest_classes: int) -> ImageSet:
    """The images in several archives, each read as a folder of its name; DataError where they are parts of one set."""
    trees = {path: tar_tree(path) if is_tar(path) else zip_tree(path, reading.zip_names) for path in archives}
    return in_archives(folder, trees, reading, fewest_classes)


def in_archives(folder: Path, trees: Mapping[Path, Tree], reading: Reading, fewest_classes: int) -> ImageSet:
    """The same of their members."""
    tree, archives = Tree(), list(trees)
    for path, within in trees.items():
        name = bare_name(path)
        tree.folders |= {name, *(f"{name}/{inner}" for inner in within.folders)}
        tree.files |= {f"{name}/{inner}": content for inner, content in within.files.items()}
        tree.faults += (replace(fault, path=f"{name}/{fault.path}") for fault in within.faults)
    images = by_folder(folder, tree, reading, fewest_classes)
    if are_numbered(archives) and reading.layout is None and set(map(bare_name, archives)) >= {*images.classes}:
        raise DataError(
            f"the archives in {folder} ({archives[0].name}, ...) differ by a number only, as parts of one set do;"
            " unpack them into one folder, or say --layout CLASS if each is a class"
        )
    return doubting(images.saying([f"Each of {len(archives)} archives read as a folder"]))


def bare_name(path: Path) -> str:
    """An archive's name without its suffix, and without what Teachable Machine puts after the class."""
    suffix = next((suffix for suffix in TARS if path.name.lower().endswith(suffix)), path.suffix)
    return path.name[: len(path.name) - len(suffix)].removesuffix(TEACHABLE_MACHINE)


def are_numbered(archives: list[Path]) -> bool:
    """Whether several archives have the same name but for a number."""
    return len(archives) > 1 and len({re.sub(r"\d+", "", path.name) for path in archives}) == 1


def doubting(images: ImageSet) -> ImageSet:
    """The same images, saying where the names in an archive may be wrong."""
    return images.saying(fault.reason for fault in images.faults if fault.kind == DOUBTFUL)


def zip_tree(path: Path, encoding: str | None = None, file: IO[bytes] | None = None) -> Tree:
    """The members of a zip archive by name; ``encoding``: of names that are not marked as Unicode.

    ``file``: what is read in place of the file at ``path``.
    """
    try:
        archive = zipfile.ZipFile(file or path, metadata_encoding=encoding)
        weakref.finalize(archive, file_of(archive).close)
        members = archive.infolist()
    except DataError:
        raise
    except Exception as error:  # zipfile raises many kinds for damaged archives
        raise DataError(f"{path} is no zip archive that can be read: {reason_of(error)}; make it anew") from None
    tree, doubtful = Tree(), list[str]()
    for info in members:
        name, is_sure = (info.filename, True) if encoding else unicode_name(info)
        if not is_sure:
            doubtful.append(name)
        add(tree, name, None if info.is_dir() else InZip(archive, info))
    if doubtful:
        reason = (
            f"{len(doubtful)} names are not in Unicode, as {doubtful[0]}: --zip-names cp932 (gbk, ...) decodes them"
        )
        tree.faults.append(Fault(path.name, DOUBTFUL, reason, KEPT))
    return tree


def file_of(archive: zipfile.ZipFile) -> IO[bytes]:
    """The open file below an archive."""
    assert archive.fp, "it was opened"
    return archive.fp


def unicode_name(info: zipfile.ZipInfo) -> tuple[str, bool]:
    """A member's name, and whether its letters are sure: marked as Unicode, or valid UTF-8."""
    if info.flag_bits & IN_UNICODE or info.filename.isascii():
        return info.filename, True
    try:
        return info.filename.encode("cp437").decode("utf-8"), True
    except UnicodeError:
        return info.filename, False


class Member(tarfile.TarInfo):
    """A member whose extended header is looked at before tarfile does, which older Pythons take for ever to read."""

    def _proc_pax(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self.check_header(archive)
        return super()._proc_pax(archive)  # type: ignore[misc, no-any-return]

    def _proc_gnulong(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self.check_header(archive)
        return super()._proc_gnulong(archive)  # type: ignore[misc, no-any-return]

    def check_header(self, archive: tarfile.TarFile) -> None:
        """Raise ReadError for a header that no program writes: very long, or of digits alone."""
        file: Any = archive.fileobj
        if self.size > MOST_HEADER:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        place = file.tell()
        digits = re.search(rb"\d{%d}" % MOST_DIGITS, file.read(self.size))
        file.seek(place)
        if digits and self.type in {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE}:
            raise tarfile.ReadError("a damaged header")


def tar_tree(path: Path) -> Tree:
    """The members of a tar archive by name; what was read of one that ends early is kept."""
    opened = OpenFile(plain_tar(path))
    return members_in(path, opened.file, opened, InTar)


def members_in(path: Path, file: BinaryIO, opened: Readable, content_of: Callable[[Any, int, int], InTar]) -> Tree:
    """The same of an open one, which is listed through ``file`` and read through ``opened``."""
    tree = Tree()
    try:
        with tarfile.open(fileobj=file, mode="r:", tarinfo=Member) as archive:
            for member in members_of(archive, opened, path.name, tree):
                content = content_of(opened, member.offset_data, member.size) if member.isreg() else None
                if content is None and not member.isdir():
                    tree.faults.append(Fault(member.name, "not a file", "a link or a device; nothing is followed"))
                elif member.issparse():
                    tree.faults.append(Fault(member.name, "not a file", "a sparse file; pack it plainly"))
                else:
                    add(tree, member.name, content)
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} is no tar archive that can be read: {reason_of(error)}; make it anew") from None
    return tree


def members_of(archive: tarfile.TarFile, opened: Readable, name: str, tree: Tree) -> Iterator[tarfile.TarInfo]:
    """The members in order, up to where the archive is damaged, which is listed."""
    count, before = 0, -1
    while True:
        try:
            member = archive.next()
        except DataError:  # of an archive at an address
            raise
        except Exception as error:  # tarfile raises many kinds for damaged headers
            if not count:
                raise tarfile.ReadError(reason_of(error)) from None
            why = reason_of(error)
            break
        if member is None:
            end = opened.read_at(archive.offset, tarfile.BLOCKSIZE)
            if len(end) == tarfile.BLOCKSIZE and not any(end):
                return
            why = "no end mark" if not end else "a damaged header"
            break
        if member.size < 0 or member.offset <= before:
            why = "a header that leads backwards"
            break
        count, before = count + 1, member.offset
        vars(archive)["members"] = []  # tarfile keeps all, a kilobyte each
        yield member
    tree.faults.append(Fault(name, "truncated", f"after {count} members: {why}"))


def plain_tar(path: Path, opened: BinaryIO | None = None) -> BinaryIO:
    """The open archive; a compressed one is unpacked into a temporary file without a name, up to a limit.

    ``opened``: what is read in place of the file at ``path``.
    """
    try:
        file = opened or path.open("rb")
        head, file_size = file.read(6), file.seek(0, SEEK_END)
        file.seek(0)
        unpack = next((opener for magic, opener in COMPRESSIONS.items() if head.startswith(magic)), None)
        if unpack is None:
            return file
        with file, unpack(file) as unpacked:
            return spooled(unpacked, path, file_size)
    except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError) as error:
        raise DataError(f"{path} cannot be read: {reason_of(error)}; make it anew") from None


def spooled(unpacked: BinaryIO, path: Path, file_size: int) -> BinaryIO:
    """All of ``unpacked`` in a temporary file; DataError where that grows out of proportion to the file at ``path``."""
    allowed = FREE_BYTES + MOST_EXPANSION * file_size
    with ExitStack() as stack:
        spool = stack.enter_context(tempfile.TemporaryFile())
        while chunk := unpacked.read(CHUNK):
            spool.write(chunk)
            if spool.tell() > allowed:
                raise DataError(f"{path} unpacks to over {allowed:,} bytes; unpack it yourself if that is right")
        spool.seek(0)
        stack.pop_all()  # all went well: it stays open
    return spool


def add(tree: Tree, name: str, content: Content | None) -> None:
    """Put a member (a folder where it has no content) into ``tree``; names that lead elsewhere are refused."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.parts:  # the archive's own folder
        return
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name):
        tree.faults.append(Fault(name, "unsafe path", "it leads out of the archive"))
    elif any(is_hidden(part) for part in path.parts):
        if content:
            tree.faults.append(Fault(name, "hidden", "hidden or a system's own", IGNORED))
    elif content is None:
        tree.folders.add(str(path))
    elif str(path) in tree.files:
        tree.faults.append(Fault(name, "named twice", "the archive has an earlier member of that name"))
    else:
        tree.files[str(path)] = content
