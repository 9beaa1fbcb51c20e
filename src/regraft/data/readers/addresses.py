"""DATA at an address: tars, zips or Parquet files in an object store or on a web server, through fsspec."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from regraft.data.address import LOCAL, SCHEME, address_of
from regraft.data.images import Fault, ImageSet
from regraft.data.prefetch import map_ahead
from regraft.data.readers.archive import are_numbered, in_archives, in_zip, is_tar, zip_tree
from regraft.data.readers.folder import Tree, is_hidden, is_image
from regraft.data.readers.parquet_images import is_parquet, read_parquets
from regraft.data.readers.parquet_rows import ImageRows
from regraft.data.readers.shard_index import TarTrees
from regraft.data.readers.webdataset import in_tar, is_shard, ranged, read_shards
from regraft.data.remote import Cursor, RemoteFile, as_file, reached, reason
from regraft.errors import DataError
from regraft.progress import Progress, silent
from regraft.recipe import Reading

ASKED_AT_ONCE = 16  # files
NAMED = 3  # files in a message
INSTALLED_WITH = frozenset(("s3", "s3a", "http", "https"))  # the extra
PARQUET, TAR, ZIP = "parquet", "tar", "zip"
Infos = dict[str, Mapping[str, Any]]  # what a store says of files, by their names there


def local_path(text: str) -> str | None:
    """The path in an address of this machine's own files; None for any other."""
    if not text.startswith(LOCAL):
        return None
    from fsspec.implementations.local import LocalFileSystem

    return str(LocalFileSystem._strip_protocol(text))


def read_address(text: str, reading: Reading, fewest_classes: int, progress: Progress = silent) -> ImageSet:
    """The images in what lies at an address: shards, archives, Parquet files, a pattern or a folder of these."""
    root, (files, loose) = address_of(text), files_at(text)
    kind, paths = kind_of(str(files[0].address)), [file.address for file in files]
    faults = [Fault(name, "loose file", "beside shards") for name in loose]
    if kind == PARQUET:
        return read_parquets(root, rows_of(files), reading, fewest_classes).noting(faults)
    if kind == ZIP:
        trees = zip_trees(files, reading)
        if len(files) == 1:
            return in_zip(root, trees[paths[0]], reading, fewest_classes)
        return in_archives(root, trees, reading, fewest_classes)
    tars = TarTrees(files, progress)
    if len(files) == 1:
        return in_tar(paths[0], tars.tree_of(paths[0]), reading, fewest_classes)
    if not are_numbered([*paths]) and not is_shard(tars.tree_of(paths[0])):
        return in_archives(root, {path: tars.tree_of(path) for path in paths}, reading, fewest_classes)
    return read_shards(root, paths, reading, fewest_classes, tars.tree_of).noting(faults)


def trees_at(text: str, reading: Reading) -> Iterator[tuple[Path, Tree]]:
    """The archives at an address and their members, with or without labels."""
    files, _ = files_at(text)
    kind = kind_of(str(files[0].address))
    if kind == PARQUET:
        for rows in rows_of(files):
            yield rows.path, rows.tree(reading)
    elif kind == ZIP:
        yield from zip_trees(files, reading).items()
    else:
        tars = TarTrees(files)
        yield from ((file.address, tars.tree_of(file.address)) for file in files)


def zip_trees(files: Iterable[RemoteFile], reading: Reading) -> dict[Path, Tree]:
    """The members of zips."""
    return {file.address: zip_tree(file.address, reading.zip_names, as_file(file)) for file in files}


def rows_of(files: Iterable[RemoteFile]) -> list[ImageRows]:
    """The rows of Parquet files."""
    return [ImageRows(file.address, partial(Cursor, file), file.version) for file in files]


def kind_of(name: str) -> str | None:
    """What is made of a file, by its suffix."""
    path = Path(PurePosixPath(name).name)
    if is_tar(path):
        return TAR
    return PARQUET if is_parquet(path) else ZIP if path.suffix.lower() == ".zip" else None


def files_at(text: str) -> tuple[list[RemoteFile], list[str]]:
    """The files that an address names, all of one kind and by name, and images that lie loosely beside them.

    Raises DataError where there is nothing that is read.
    """
    root, names = address_of(text), [*ranged(text)]
    system, _ = opened(names[0])
    infos: Infos = {}
    for _, found in map_ahead(infos_at, names, ASKED_AT_ONCE, chunk=1):
        infos |= found
    shown = {
        name: address_of(system.unstrip_protocol(name))
        for name in sorted(infos)
        if infos[name].get("type") == "file" and not is_hidden(PurePosixPath(name).name)
    }
    kinds = {name: kind for name, address in shown.items() if (kind := kind_of(str(address)))}
    counts = Counter(kinds.values())
    if not counts:
        seen = ", ".join(PurePosixPath(name).name for name in list(infos)[:NAMED]) or "nothing"
        raise DataError(
            f"there is no .tar, .zip or .parquet at {root} but {seen}; pack the images into shards, or mount the place"
            " and give its folder (docs/scale.md)"
        )
    if len(counts) > 1:
        kind = counts.most_common(1)[0][0]
        raise DataError(
            f"{root} holds files of several kinds ({', '.join(sorted(counts))}); name some: {root}/*.{kind}"
        )
    files = [RemoteFile(system, name, shown[name], infos[name]) for name in kinds]
    return files, [address.name for address in shown.values() if is_image(address.name)]


def opened(text: str) -> tuple[Any, str]:
    """What opens an address, and what that calls it; DataError where it cannot be had."""
    from fsspec.core import url_to_fs

    scheme, root = SCHEME.match(text), address_of(text)
    assert scheme, "only addresses are asked about"
    try:
        system, path = url_to_fs(text)
    except ImportError as error:
        extra = '; pip install "regraft[remote]" brings it' if scheme[0] in INSTALLED_WITH else ""
        raise DataError(f"{root} cannot be opened: {reason(error)}{extra}") from None
    except ValueError as error:
        raise DataError(f"{root} cannot be opened: {reason(error)}; write s3://, gs://, az://, https://, ...") from None
    except Exception as error:  # the libraries' errors have many kinds
        raise DataError(f"{root} cannot be opened: {reason(error)}; mend its address or credentials") from None
    return system, path


def infos_at(text: str) -> Infos:
    """What lies at one address: a file, the files in a folder, or those that a pattern names."""
    system, path = opened(text)

    def ask() -> Infos:
        wild = "*[" if text.startswith("http") else "*?["
        if set(wild) & set(text):
            return dict(system.glob(path, detail=True))
        info = system.info(path)
        if info.get("type") != "directory":
            return {str(info["name"]): info}
        return {str(child["name"]): child for child in system.ls(path, detail=True)}

    return reached(address_of(text), ask)
