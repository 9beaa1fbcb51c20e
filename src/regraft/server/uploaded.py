"""Zips that came through the page, in a folder of the server's own: received piece by piece, checked, then kept."""

import asyncio
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from regraft.errors import DataError, disk_is_full, reason_not_written
from regraft.server.zips import check_zip

MOST_BYTES = 4 << 30
KEPT_FREE = 1 << 28  # bytes of the disk that an upload leaves
NAMED = re.compile(r"[^\w.-]+")
LONGEST = 60  # letters of a name
ID = re.compile("[0-9a-f]{16}")


class TooLarge(DataError):
    """More bytes than are taken."""


@dataclass(frozen=True)
class Upload:
    """A zip that was received."""

    id: str
    path: Path
    files: int
    bytes: int

    @property
    def name(self) -> str:
        """What it was called, as far as a file may be."""
        return self.path.name


class Uploads:
    """The zips of a server, each in a folder of its own in ``folder``."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        self.known: dict[str, Upload] = {}

    def all(self) -> list[Upload]:
        """Those there are, of earlier servers too, the newest first."""
        places = [place for place in self.folder.iterdir() if ID.fullmatch(place.name)] if self.folder.is_dir() else []
        found = [upload for place in places if (upload := self.get(place.name))]
        return sorted(found, key=lambda upload: -upload.path.stat().st_mtime)

    def get(self, name: str) -> Upload | None:
        """One by the id that it was given; None where there is none any more."""
        if name in self.known and self.known[name].path.is_file():
            return self.known[name]
        if not ID.fullmatch(name):
            return None
        for path in (self.folder / name).glob("*.zip"):
            with suppress(DataError, OSError):
                self.known[name] = Upload(name, path, check_zip(path, path.name), path.stat().st_size)
                return self.known[name]
        return None

    async def receive(self, called: str, pieces: AsyncIterator[bytes], length: int | None = None) -> Upload:
        """Write a zip as its pieces come; of one that is refused (DataError) nothing stays."""
        most = self.room()
        check_size(length or 0, most)
        made = secrets.token_hex(8)
        place = self.folder / made
        try:
            place.mkdir(parents=True)
            path = place / file_name(called)
            received = 0
            with path.open("wb") as file:
                async for piece in pieces:
                    received += len(piece)
                    check_size(received, most)
                    file.write(piece)
            files = await asyncio.to_thread(check_zip, path, path.name)
            upload = Upload(made, path, files, received)
        except OSError as error:
            shutil.rmtree(place, ignore_errors=True)
            mend = "free space" if disk_is_full(error) else "mend that"
            raise DataError(f"the upload cannot be kept: {reason_not_written(error)}; {mend}") from None
        except BaseException:  # a browser that went away too
            shutil.rmtree(place, ignore_errors=True)
            raise
        self.known[made] = upload
        return upload

    def room(self) -> int:
        """Bytes that an upload may have: the limit, or less where the disk has less."""
        there = next(folder for folder in (self.folder, *self.folder.absolute().parents) if folder.exists())
        return max(min(self.most_bytes, shutil.disk_usage(there).free - KEPT_FREE), 0)

    def remove(self, name: str) -> bool:
        """Delete one; False where there is none."""
        if not ID.fullmatch(name) or not (self.folder / name).is_dir():
            return False
        self.known.pop(name, None)
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return True


def check_size(size: int, most: int) -> None:
    """Raise TooLarge for more bytes than there is room for."""
    if size > most:
        raise TooLarge(f"the upload is over {most:,} bytes, which is the most that is taken; zip fewer images")


def file_name(called: str) -> str:
    """A file's name from what a browser calls the upload: letters, digits, dots and dashes, ending in .zip."""
    last = called.replace("\\", "/").rpartition("/")[2]
    stem = last[: -len(".zip")] if last.lower().endswith(".zip") else last
    return (NAMED.sub("-", stem).strip("-.")[:LONGEST] or "images") + ".zip"
