"""Whatever a user calls their data -> an ImageSet: folder, table, archive, shards, data set."""

import os
from os import PathLike
from pathlib import Path

from regraft.data.address import as_given, is_address
from regraft.data.correcting import corrected
from regraft.data.groups import grouped, with_loners
from regraft.data.images import FEWEST_CLASSES, Fault, ImageSet
from regraft.data.readers.archive import are_numbered, is_tar, read_archives, read_zip, tar_tree
from regraft.data.readers.class_folders import by_folder, images_of
from regraft.data.readers.folder import is_hidden, is_image, kind_of, tree_of
from regraft.data.readers.huggingface import PREFIX, is_saved, read_dataset
from regraft.data.readers.parquet_images import image_rows, is_parquet, read_parquets
from regraft.data.readers.parquet_rows import rows_on_disk
from regraft.data.readers.table import TABLES, read_manifest
from regraft.data.readers.webdataset import RANGE, is_shard, read_shards, read_tar, shards_of
from regraft.errors import DataError
from regraft.progress import Progress, silent
from regraft.recipe import Reading

Data = str | PathLike[str] | ImageSet


def find_images(
    data: Data, reading: Reading = Reading(), fewest_classes: int = FEWEST_CLASSES, progress: Progress = silent
) -> ImageSet:
    """List labelled images without opening one.

    ``data``: a folder of CLASS/image or of train, val, test folders of those; a .csv, .tsv, .jsonl or .parquet table;
    a .zip or .tar of class folders; shards (WebDataset's .tar or .parquet with the images' bytes, a folder of them, a
    pattern as shards-{0000..0009}.tar); the same at an address as fsspec takes it, s3://bucket/shards; a Hugging Face
    data set, hf:NAME or a saved folder; an ImageSet as it is. Raises DataError for anything else and
    where there are fewer than ``fewest_classes``.
    """
    images = data if isinstance(data, ImageSet) else read_source(text_of(data), reading, fewest_classes, progress)
    if reading.group_by and not any(images.files.groups.present()):
        images = grouped(images, reading.group_by)
    elif not isinstance(data, ImageSet):
        images = with_loners(images)
    return corrected(images, reading)


def text_of(data: str | PathLike[str]) -> str:
    """What a user calls their data."""
    return data if isinstance(data, str) else as_given(Path(data))


def read_source(text: str, reading: Reading, fewest_classes: int, progress: Progress = silent) -> ImageSet:
    """What ``text`` names, by its kind."""
    if not text:
        raise DataError("the images have no name; give the folder that holds your class folders")
    if is_address(text):
        from regraft.data.readers.addresses import local_path, read_address  # fsspec is not needed for paths

        local = local_path(text)
        own = (reading, fewest_classes, progress)
        return read_source(local, *own) if local else read_address(text, *own)
    if text.startswith(PREFIX):
        reading.check_no_folders(text)
        return read_dataset(text, reading, fewest_classes)
    path = Path(text)
    kind = kind_of(path) if not RANGE.search(text) else None
    if kind == "folder":
        return read_any_folder(path, reading, fewest_classes)
    if kind == "file":
        return read_file(path, reading, fewest_classes)
    if RANGE.search(text) or set("*?[") & set(text):
        if is_tar(path):
            return read_shards(path, shards_of(text), reading, fewest_classes)
        if is_parquet(path):
            return read_parquets(path, [rows_on_disk(one) for one in shards_of(text)], reading, fewest_classes)
    raise DataError(f"there is no folder or file {text}; give the folder that holds your class folders")


def read_any_folder(folder: Path, reading: Reading, fewest_classes: int) -> ImageSet:
    """A folder of class folders, of shards, or a saved data set."""
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DataError(f"the folder {folder} may not be read; grant yourself read permission")
    if is_saved(folder):
        reading.check_no_folders(str(folder))
        return read_dataset(str(folder), reading, fewest_classes)
    children = [child for child in sorted(folder.iterdir()) if not is_hidden(child.name)]
    tars = [child for child in children if is_tar(child)]
    if not tars or any(kind_of(child) == "folder" for child in children):
        tree = tree_of(folder)
        zips = [child for child in children if child.suffix.lower() == ".zip" and kind_of(child) == "file"]
        if zips and not images_of(tree):
            return read_archives(folder, zips, reading, fewest_classes)
        tables = [child for child in children if is_parquet(child) and kind_of(child) == "file"]
        if tables and not images_of(tree) and (parts := image_rows(tables, reading)):
            return read_parquets(folder, parts, reading, fewest_classes)
        return by_folder(folder, tree, reading, fewest_classes)
    if not are_numbered(tars) and not is_shard(tar_tree(tars[0])):
        return read_archives(folder, tars, reading, fewest_classes)
    loose = (Fault(child.name, "loose file", "beside shards") for child in children if is_image(child.name))
    return read_shards(folder, tars, reading, fewest_classes).noting(loose)


def read_file(path: Path, reading: Reading, fewest_classes: int) -> ImageSet:
    """One file that lists or holds images."""
    if is_parquet(path) and (parts := image_rows([path], reading)):
        return read_parquets(path, parts, reading, fewest_classes)
    if path.suffix.lower() in TABLES:
        reading.check_no_folders(str(path))
        return read_manifest(path, reading, fewest_classes)
    if path.suffix.lower() == ".zip":
        return read_zip(path, reading, fewest_classes)
    if is_tar(path):
        return read_tar(path, reading, fewest_classes)
    raise DataError(
        f"{path} is a file, but no .csv, .tsv, .jsonl, .parquet, .zip or .tar; give one of these, or the folder"
        " that holds your class folders"
    )
