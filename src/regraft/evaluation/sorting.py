"""Predicted images in a folder for each class: links, or copies where there can be none. None is moved or replaced."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from regraft.data.content import Content, OnDisk
from regraft.data.readers.paths import Named
from regraft.errors import RunError, reason_not_written
from regraft.evaluation.prediction import NO

UNKNOWN_FOLDER, UNSURE_FOLDER = "_unknown", "_unsure"  # for what gets no class of its own
FORBIDDEN = str.maketrans(dict.fromkeys('/\\:*?"<>|', "_") | dict.fromkeys(map(chr, range(32)), "_"))
Row = dict[str, Any]
LONGEST = 120  # letters of a name


class Sorted:
    """A folder that images are sorted into."""

    option = "--sort-into"  # that names it

    def __init__(self, folder: Path, classes: tuple[str, ...], copies: bool = False) -> None:
        if folder.exists() and not folder.is_dir():
            raise RunError(f"{self.option} {folder} is a file; name a folder")
        self.folder, self.copies = folder, copies
        self.folders: dict[str, str] = {}
        taken = {UNKNOWN_FOLDER, UNSURE_FOLDER}
        for name in classes:
            own = safe(name)
            plain, number = own, 2
            while own.casefold() in taken:
                own, number = f"{plain}-{number}", number + 1
            taken.add(own.casefold())
            self.folders[name] = own
        self.numbers: dict[Path, int] = {}  # of names that came more than once

    def adding(self, rows: Iterable[Row], contents: Iterable[Named]) -> Iterator[Row]:
        """The rows, each image sorted as its row passes."""
        for row, (_, content) in zip(rows, contents, strict=True):
            self.add(row, content)
            yield row

    def add(self, row: Mapping[str, Any], content: Content) -> None:
        """Sort an image by its row; one that could not be read is left where it is. RunError where it cannot be."""
        if row["error"] is not None:
            return
        target = self.folder / self.folder_of(row) / safe(PurePosixPath(row["path"].replace("\\", "/")).name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            while not self.put(self.numbered(target), content):
                self.numbers[target] = self.numbers.get(target, 1) + 1
        except OSError as error:
            raise RunError(f"{target} cannot be written: {reason_not_written(error)}; name another folder") from None

    def folder_of(self, row: Mapping[str, Any]) -> str:
        """The name of the folder for an image."""
        if row["known"] == NO:
            return UNKNOWN_FOLDER
        return UNSURE_FOLDER if row["class"] is None else self.folders[row["class"]]

    def numbered(self, target: Path) -> Path:
        """The place with the number that its name has come to."""
        number = self.numbers.get(target, 1)
        return target if number == 1 else target.with_name(f"{target.stem}-{number}{target.suffix}")

    def put(self, target: Path, content: Content) -> bool:
        """Put it there, unless it is there already; False where something else is."""
        if isinstance(content, OnDisk) and not self.copies:
            source = content.path.absolute()
            with suppress(OSError, NotImplementedError):  # where no links can be
                if target.is_symlink():
                    return target.readlink() == source
                target.symlink_to(source)
                return True
        data = content.read()
        if isinstance(data, Image.Image):
            raise RunError(f"{target.name} is no file, so it cannot be sorted; save it as one")
        try:
            with target.open("xb") as file:
                file.write(data)
        except FileExistsError:
            return target.is_file() and not target.is_symlink() and target.read_bytes() == data
        return True


def safe(name: str) -> str:
    """A name as it can be a folder's or file's: nothing in it leads elsewhere."""
    plain = name.translate(FORBIDDEN).strip(" .") or "_"
    if len(plain) > LONGEST:
        path = PurePosixPath(plain)
        plain = path.stem[: LONGEST - len(path.suffix[:9])] + path.suffix[:9]
    return plain.encode("utf-8", "replace").decode()
