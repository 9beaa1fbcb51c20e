"""Archives read in place: .zip and .tar of class folders, and WebDataset's shards. Nothing is unpacked to disk."""

import bz2
import gzip
import json
import lzma
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from regraft.content import Content, InTar, InZip, OpenFile
from regraft.decoding import Undecodable
from regraft.errors import DataError
from regraft.folders import Tree, by_folder, is_hidden, is_image
from regraft.images import FEWEST_CLASSES, IGNORED, SPLIT_NAMES, Fault, ImageSet, Labelled, Reading, collect

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
COMPRESSIONS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
MOST_EXPANSION = 100  # times its size that a compressed tar may unpack to, beyond
FREE_BYTES = 1 << 30  # so many
CHUNK = 1 << 22
LABELS = (".cls", ".json")  # files of a shard that carry a sample's label
JSON_LABELS = ("cls", "class")  # fields tried after the one that is asked for
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


def is_tar(path: Path) -> bool:
    """Whether the name is a tar's."""
    return path.name.lower().endswith(TARS)


def read_zip(path: Path, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """The class folders in a zip archive."""
    try:
        archive = zipfile.ZipFile(path)
        members = archive.infolist()
    except Exception as error:  # zipfile raises many kinds for damaged archives
        raise DataError(f"{path} is no zip archive that can be read: {reason_of(error)}; make it anew") from None
    tree = Tree()
    for info in members:
        add(tree, info.filename, None if info.is_dir() else InZip(archive, info))
    return by_folder(path, tree, fewest_classes)


def read_tar(path: Path, reading: Reading, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """The class folders in a tar, or its samples where it is a shard of WebDataset's."""
    tree = tar_tree(path)
    if is_shard(tree):
        return read_shards(path, [path], reading, fewest_classes)
    return by_folder(path, tree, fewest_classes)


def is_shard(tree: Tree) -> bool:
    """Whether labels lie beside images."""
    keys = {key_of(name)[0] for name in tree.files if is_image(name)}
    return any(key_of(name)[0] in keys for name in tree.files if name.endswith(LABELS))


def tar_tree(path: Path) -> Tree:
    """The members of a tar archive by name; what was read of one that ends early is kept."""
    kept, tree = OpenFile(plain_tar(path)), Tree()
    try:
        with tarfile.open(fileobj=kept.file, mode="r:") as archive:
            for member in members_of(archive, path.name, tree):
                content = InTar(kept, member.offset_data, member.size) if member.isreg() else None
                if content is None and not member.isdir():
                    tree.faults.append(Fault(member.name, "not a file", "a link or a device; nothing is followed"))
                elif member.issparse():
                    tree.faults.append(Fault(member.name, "not a file", "a sparse file; pack it plainly"))
                else:
                    add(tree, member.name, content)
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} is no tar archive that can be read: {reason_of(error)}; make it anew") from None
    return tree


def members_of(archive: tarfile.TarFile, name: str, tree: Tree) -> Iterator[tarfile.TarInfo]:
    """The members in order, up to where the archive is damaged, which is listed."""
    count = 0
    while True:
        try:
            member = archive.next()
        except Exception as error:  # tarfile raises many kinds for damaged headers
            if not count:
                raise tarfile.ReadError(reason_of(error)) from None
            tree.faults.append(Fault(name, "truncated", f"damaged after {count} members: {reason_of(error)}"))
            return
        if member is None:
            return
        count += 1
        yield member


def plain_tar(path: Path) -> BinaryIO:
    """The open archive; a compressed one is unpacked into a temporary file without a name, up to a limit."""
    try:
        file = path.open("rb")
        head = file.read(6)
        file.seek(0)
        unpack = next((opener for magic, opener in COMPRESSIONS.items() if head.startswith(magic)), None)
        if unpack is None:
            return file
        with file, unpack(file) as unpacked:
            return spooled(unpacked, path)
    except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError) as error:
        raise DataError(f"{path} cannot be read: {reason_of(error)}; make it anew") from None


def spooled(unpacked: BinaryIO, path: Path) -> BinaryIO:
    """All of ``unpacked`` in a temporary file; DataError where that grows out of proportion to ``path``."""
    allowed = FREE_BYTES + MOST_EXPANSION * path.stat().st_size
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


def shards_of(text: str) -> list[Path]:
    """The files that a pattern names: numbers in braces, {0000..0009}, and the wildcards of a shell."""
    found = RANGE.search(text)
    if found:
        first, last = int(found[1]), int(found[2])
        if last - first > 100_000:  # noqa: PLR2004
            raise DataError(f"{text} names {last - first + 1:,} shards; give a smaller range")
        width = len(found[1])
        numbered = (f"{text[: found.start()]}{n:0{width}d}{text[found.end() :]}" for n in range(first, last + 1))
        return [path for each in numbered for path in shards_of(each)]
    return sorted(Path(text).parent.glob(Path(text).name)) if any(c in text for c in "*?[") else [Path(text)]


def read_shards(root: Path, shards: Sequence[Path], reading: Reading, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """WebDataset's samples: files of one name, an image and its .cls or .json (with the label column's field)."""
    found: list[Labelled] = []
    faults: list[Fault] = []
    for shard in shards:
        if not shard.is_file():
            raise DataError(f"there is no shard {shard}; give shards that are there")
        tree = tar_tree(shard)
        faults += tree.faults
        found += samples_of(shard.name, tree, reading, faults)
    if not found:
        raise DataError(f"{root} holds no image with a .cls or .json beside it; pack samples as WebDataset does")
    return collect(root, found, faults, fewest_classes)


def samples_of(shard: str, tree: Tree, reading: Reading, faults: list[Fault]) -> Iterator[Labelled]:
    """The samples of one shard; images without a label go to ``faults``."""
    parts: dict[str, dict[str, tuple[str, Content]]] = {}
    for name, content in tree.files.items():
        key, suffix = key_of(name)
        parts.setdefault(key, {})[suffix] = (name, content)
    for sample in parts.values():
        image = next((part for part in sample.values() if is_image(part[0])), None)
        if image is None:
            name = next(iter(sample.values()))[0]
            faults.append(Fault(f"{shard}/{name}", "not an image", "a sample without an image"))
            continue
        try:
            fields = fields_of({suffix: content for suffix, (_, content) in sample.items()}, reading)
        except (Undecodable, ValueError) as error:
            faults.append(Fault(f"{shard}/{image[0]}", "no label", reason_of(error)))
            continue
        yield Labelled(f"{shard}/{image[0]}", fields["label"], image[1], fields["split"], fields["group"])


def fields_of(sample: dict[str, Content], reading: Reading) -> dict[str, Any]:
    """Label, split and group of a sample; ValueError where it has no label."""
    given: dict[str, Any] = {}
    if ".json" in sample:
        loaded = json.loads(sample[".json"].read())  # type: ignore[arg-type]
        given = loaded if isinstance(loaded, dict) else {}
    label = next(
        (given[name] for name in (reading.label_column, *JSON_LABELS) if given.get(name) not in {None, ""}), ""
    )
    if ".cls" in sample:
        label = bytes(sample[".cls"].read()).decode().strip()  # type: ignore[arg-type]
    if str(label).strip() == "" or isinstance(label, (dict, list)):
        raise ValueError(f"no .cls, and no field '{reading.label_column}' in a .json")
    group = given.get(reading.group_by or "group")
    return {
        "label": str(label).strip(),
        "split": SPLIT_NAMES.get(str(given.get(reading.split_column, "")).lower()),
        "group": None if group is None else str(group),
    }


def key_of(name: str) -> tuple[str, str]:
    """A sample's key and the rest, as WebDataset parts them: at the first dot of the file's name."""
    folder, _, base = name.rpartition("/")
    stem, _, rest = base.partition(".")
    return f"{folder}/{stem}", f".{rest.lower()}"


def reason_of(error: Exception) -> str:
    """The first line of an error."""
    return str(error).strip().split("\n")[0] or type(error).__name__
