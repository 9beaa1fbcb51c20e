"""Whatever a user calls their data -> an ImageSet: folder, table, archive, shards, data set."""

import os
import re
from dataclasses import replace
from pathlib import Path

from regraft.archives import is_tar, read_shards, read_tar, read_zip, shards_of
from regraft.content import Look, look_at
from regraft.decoding import Undecodable, allow_pixels
from regraft.errors import DataError
from regraft.faults import odd_ones
from regraft.folders import is_hidden, read_folder
from regraft.huggingface import PREFIX, is_saved, read_dataset
from regraft.images import FEWEST_CLASSES, Fault, ImageFile, ImageSet, Reading
from regraft.manifest import TABLES, read_manifest
from regraft.stream import map_ahead

AS_USUAL = Reading()
Data = str | Path | ImageSet


def find_images(data: Data, reading: Reading = AS_USUAL, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """List labelled images without opening one.

    ``data``: a folder of CLASS/image or of train, val, test folders of those; a .csv, .tsv or .parquet table; a .zip
    or .tar of class folders; WebDataset shards (a .tar, a folder of them, a pattern as shards-{0000..0009}.tar);
    a Hugging Face data set, hf:NAME or a saved folder; an ImageSet as it is. Raises DataError for anything else and
    where there are fewer than ``fewest_classes``.
    """
    images = data if isinstance(data, ImageSet) else read_source(str(data), reading, fewest_classes)
    if reading.group_by and not any(file.group for file in images.files):
        return grouped(images, reading.group_by)
    return images


def read_source(text: str, reading: Reading, fewest_classes: int) -> ImageSet:
    """What ``text`` names, by its kind."""
    path = Path(text)
    if text.startswith(PREFIX) or (path.is_dir() and is_saved(path)):
        return read_dataset(text, reading, fewest_classes)
    if path.is_dir():
        tars = shards_in(path)
        return read_shards(path, tars, reading, fewest_classes) if tars else read_folder(path, fewest_classes)
    if not path.exists():
        if is_tar(path) and (shards := shards_of(text)) != [path]:
            return read_shards(path, shards, reading, fewest_classes)
        raise DataError(f"there is no folder or file {text}; give the folder that holds your class folders")
    return read_file(path, reading, fewest_classes)


def shards_in(folder: Path) -> list[Path]:
    """The tars of a folder that holds no other folder."""
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DataError(f"the folder {folder} may not be read; grant yourself read permission")
    children = sorted(folder.iterdir())
    folders = any(child.is_dir() and not is_hidden(child.name) for child in children)
    return [] if folders else [child for child in children if is_tar(child)]


def read_file(path: Path, reading: Reading, fewest_classes: int) -> ImageSet:
    """One file that lists or holds images."""
    if path.suffix.lower() in TABLES:
        return read_manifest(path, reading, fewest_classes)
    if path.suffix.lower() == ".zip":
        return read_zip(path, fewest_classes)
    if is_tar(path):
        return read_tar(path, reading, fewest_classes)
    raise DataError(
        f"{path} is a file, but no .csv, .tsv, .parquet, .zip or .tar; give one of these, or the folder that holds"
        " your class folders"
    )


def grouped(images: ImageSet, pattern: str) -> ImageSet:
    """Groups from the images' paths: what ``pattern``, or its first bracketed part, matches."""
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise DataError(f"--group-by '{pattern}' is no column and no regular expression: {error}; mend it") from None

    def group_of(file: ImageFile) -> str | None:
        found = expression.search(file.name)
        return next(iter(found.groups()), found[0]) if found else None

    files = tuple(replace(file, group=group_of(file)) for file in images.files)
    if not any(file.group for file in files):
        raise DataError(
            f"--group-by '{pattern}' is no column and matches no path, as {files[0].name};"
            r" give one, or a regular expression as 'patient(\d+)'"
        )
    return replace(images, files=files)


def scan(data: Data, reading: Reading = AS_USUAL, workers: int = 0) -> ImageSet:
    """Find the images and decode each in full; broken ones are left out, and all that is odd is listed."""
    allow_pixels(reading.max_pixels)
    found = find_images(data, reading)

    def look(file: ImageFile) -> Look | Fault:
        try:
            return look_at(file.content)[0]
        except Undecodable as error:
            return Fault(file.name, error.kind, str(error))

    looks: list[Look] = []
    broken: list[Fault] = []
    for _, seen in map_ahead(look, found.files, workers):
        if isinstance(seen, Fault):
            broken.append(seen)
        else:
            looks.append(seen)
    images = found.without(tuple(broken)) if broken else found
    return images.noting(odd_ones(images, looks))
