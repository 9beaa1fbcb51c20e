"""Images to predict at a path: a file, or every file in a folder, in an archive, in a table's column."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from regraft.data.address import address_of, as_given, is_address
from regraft.data.content import Content, OnDisk
from regraft.data.decoding import Undecodable
from regraft.data.images import IGNORED, LEFT_OUT, Fault
from regraft.data.readers.archive import is_tar, tar_tree, zip_tree
from regraft.data.readers.folder import Tree, is_image, kind_of, tree_of
from regraft.data.readers.image_paths import ImagePaths
from regraft.data.readers.parquet_images import image_rows, is_parquet
from regraft.data.readers.refusals import is_archive
from regraft.data.readers.table import TABLES, table_at
from regraft.data.readers.table_columns import image_column_of
from regraft.data.readers.table_rows import text_of
from regraft.data.signature import head_of, starts_as_image
from regraft.errors import DataError
from regraft.recipe import Reading

SHOWN = 200  # letters of a path
Named = tuple[str, Content]  # an image and what it is called


OTHER_FILE = "not an image"  # the kind of fault of a file that nobody takes for one


@dataclass(frozen=True)
class NoImage:
    """What stands in the place of an image, and why it is none."""

    fault: Fault

    def read(self) -> NoReturn:
        """Raise Undecodable with the reason."""
        raise Undecodable(self.fault.kind, self.fault.reason)


def contents_at(path: Path, reading: Reading) -> list[Named]:
    """What lies at ``path``, by name: images, and a NoImage for every other file. DataError where nothing is there."""
    if is_address(text := as_given(path)):
        if listed := list(at_address(text, reading)):
            return listed
        raise DataError(
            f"there is no file in {address_of(text)}; give images, or a folder, an archive or a table of images"
        )
    kind = kind_of(path)
    if kind is None:
        raise DataError(f"there is no file or folder {str(path)[:SHOWN]}; give images, or folders of images")
    if kind == "folder":
        listed = list(in_tree(path, tree_of(path)))
    elif is_parquet(path) and (rows := image_rows([path], reading)):
        listed = list(in_tree(path, rows[0].tree(reading)))
    elif path.suffix.lower() in TABLES:
        listed = list(in_table(path, reading))
    elif path.suffix.lower() == ".zip":
        listed = list(in_tree(path, zip_tree(path)))
    elif is_tar(path):
        listed = list(in_tree(path, tar_tree(path)))
    else:
        listed = [(str(path), OnDisk(path))]
    if not listed:
        raise DataError(f"there is no file in {path}; give images, or a folder, an archive or a table of images")
    return listed


def at_address(text: str, reading: Reading) -> Iterator[Named]:
    """Every file in the archives at an address, every row of Parquet files."""
    from regraft.data.readers.addresses import local_path, trees_at  # fsspec is not needed for paths

    if local := local_path(text):
        yield from contents_at(Path(local), reading)
        return
    for place, tree in trees_at(text, reading):
        yield from in_tree(place, tree)


def in_tree(root: Path, tree: Tree) -> Iterator[Named]:
    """Every file of a folder or an archive, sorted by name, with what was passed over."""
    passed_over = [(fault.path, NoImage(in_words(fault))) for fault in tree.faults]
    files = [(name, image_or_not(name, content)) for name, content in tree.files.items()]
    for name, content in sorted([*passed_over, *files], key=lambda named: named[0]):
        yield f"{root}/{name}", content


def in_words(fault: Fault) -> Fault:
    """The fault of a file or folder that was passed over, as a person reads it beside predictions."""
    hidden = "hidden, or a system's own; to predict it, give it by itself"
    return replace(fault, kind="passed over", reason=hidden) if fault.kind == "hidden" else fault


def image_or_not(name: str, content: Content) -> Content:
    """``content`` where its name or its first bytes are an image's, else the reason why not."""
    if is_image(name):
        return content
    path, head = Path(name), head_of(content)
    if head is None or starts_as_image(content):  # where it cannot be read, reading says why
        return content
    if not head:
        return NoImage(Fault(name, "empty", "the file holds no bytes", IGNORED))
    if path.suffix.lower() in TABLES:
        reason = "a table; to predict what it lists, give it by itself"
    elif is_archive(name):
        reason = "an archive; to predict what it holds, give it by itself"
    else:
        reason = "neither its name nor its first bytes are an image's"
    return NoImage(Fault(name, OTHER_FILE, reason, IGNORED))


def in_table(path: Path, reading: Reading) -> Iterator[Named]:
    """Every row of a table, in order; paths are relative to its folder, or to --image-folder."""
    paths = ImagePaths(path, reading)
    table = table_at(path, paths)
    column = image_column_of(table, reading, paths)
    for number, row in enumerate(table.rows([column]), 1):
        name = text_of(row, column)
        found = paths.find(name) if name and "://" not in name else None
        if found:
            yield str(found[1]), OnDisk(found[1])
        elif not row:
            yield f"row {number} of {path}", NoImage(Fault(f"row {number}", "unreadable", "it has too many cells"))
        elif not name:
            yield f"row {number} of {path}", NoImage(Fault(f"row {number}", "no image", "its image column is empty"))
        elif "://" in name:
            yield name, NoImage(Fault(name, "not a file", "a web address; download it and list the file"))
        else:
            yield name, NoImage(Fault(name, "missing", paths.missing(name), LEFT_OUT))
