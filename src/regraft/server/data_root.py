"""The folders and files below the data roots, by ids that the server gives: no path ever comes from a client."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from regraft.data.readers.archive import TARS
from regraft.errors import DataError

SETS = (".zip", *TARS, ".csv", ".tsv", ".jsonl", ".parquet")  # files that are data sets
MOST_LISTED = 1_000  # entries of a folder
ID_LETTERS = 16


@dataclass(frozen=True)
class Entry:
    """A folder or a data set."""

    id: str
    name: str
    path: Path
    folder: bool
    within: str | None  # the folder's id that it lies in; None at the top


class DataRoots:
    """What lies below the folders that the server was started with."""

    def __init__(self, roots: tuple[Path, ...]) -> None:
        for root in roots:
            if not root.is_dir():
                raise DataError(f"there is no folder {root}; give --data-root one that is there")
        self.roots = tuple(root.resolve() for root in roots)
        self.known: dict[str, Entry] = {}
        for root in self.roots:
            self.note(root, root.name or str(root), True, None)

    def note(self, path: Path, name: str, folder: bool, within: str | None) -> Entry:
        """An entry, by an id that is the same in every server."""
        made = hashlib.sha256(os.fsencode(path)).hexdigest()[:ID_LETTERS]
        self.known[made] = Entry(made, name, path, folder, within)
        return self.known[made]

    def tops(self) -> list[Entry]:
        """The roots themselves."""
        return [entry for entry in self.known.values() if entry.within is None]

    def get(self, name: str) -> Entry:
        """An entry that was listed before; DataError where there is none, or it lies outside by now."""
        entry = self.known.get(name)
        if entry is None or not self.is_inside(entry.path) or not entry.path.exists():
            raise DataError("there is no such folder any more; look at the list again")
        return entry

    def inside(self, entry: Entry) -> list[Entry]:
        """The folders and data sets in a folder, by name; links that lead out of the roots are left out."""
        if not entry.folder:
            return []
        found = []
        try:
            with os.scandir(entry.path) as listed:
                for one in listed:
                    folder = is_folder(one)
                    if one.name.startswith(".") or not (folder or one.name.lower().endswith(SETS)):
                        continue
                    path = Path(one.path)
                    if not one.is_symlink() or self.is_inside(path):
                        found.append((one.name, path, folder))
                    if len(found) >= MOST_LISTED:
                        break
        except OSError as error:
            raise DataError(f"{entry.name} cannot be read: {error.strerror}; mend its permissions") from None
        return [self.note(path, name, folder, entry.id) for name, path, folder in sorted(found)]

    def is_inside(self, path: Path) -> bool:
        """Whether a path leads to a place below a root, links and all."""
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):  # gone, or a loop of links
            return False
        return any(real.is_relative_to(root) for root in self.roots)


def is_folder(one: "os.DirEntry[str]") -> bool:
    """Whether an entry is a folder, or a link to one; a loop of links is none."""
    try:
        return one.is_dir()
    except OSError:
        return False
