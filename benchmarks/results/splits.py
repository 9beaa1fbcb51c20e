"""Repeated stratified splits of an image set as folders that every tool reads."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

TEST_SHARE = 0.2
IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif"}
SPLITS = {"train", "val", "valid", "validation", "test"}


def parted(data: Path, repeat: int, most: int | None, folder: Path) -> Path:
    """``folder`` with train/ and test/, whose class folders hold links to the images of ``data``.

    A fifth of each class, drawn by ``repeat``, is test, and of the rest at most ``most`` train, each class in
    proportion. Parts that ``data`` has of its own are joined first.
    """
    by_class = {name: in_order(files, repeat) for name, files in classes_of(data).items()}
    total = sum(len(files) for files in by_class.values())
    share = 1 - TEST_SHARE if most is None else min(1 - TEST_SHARE, most / total)
    for name, files in by_class.items():
        tested = max(1, round(TEST_SHARE * len(files)))
        trained = max(1, round(share * len(files)))
        link(files[:tested], folder / "test" / name)
        link(files[tested : tested + trained], folder / "train" / name)
    return folder


def classes_of(data: Path) -> dict[str, list[Path]]:
    """Class names and their images; the same class of several parts is one."""
    folders = [one for one in sorted(data.iterdir()) if one.is_dir() and not one.name.startswith(".")]
    if all(one.name.lower() in SPLITS for one in folders):
        folders = [inner for one in folders for inner in sorted(one.iterdir()) if inner.is_dir()]
    found: dict[str, list[Path]] = {}
    for one in folders:
        found.setdefault(one.name, []).extend(images_in(one))
    return {name: files for name, files in found.items() if files}


def images_in(folder: Path) -> Iterator[Path]:
    """Image files of a folder, by their names."""
    return (file for file in sorted(folder.iterdir()) if file.suffix.lower() in IMAGES and file.name[0] != ".")


def in_order(files: list[Path], repeat: int) -> list[Path]:
    """Files in an order drawn by ``repeat`` and their names."""
    return sorted(files, key=lambda file: hashlib.blake2b(f"{repeat}/{file.name}".encode()).digest())


def link(files: list[Path], folder: Path) -> None:
    """Links to the files, named so that none replaces another."""
    folder.mkdir(parents=True)
    for number, file in enumerate(files):
        (folder / f"{number:06d}-{file.name}").symlink_to(file.resolve())
