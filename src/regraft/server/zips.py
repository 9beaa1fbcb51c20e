"""Whether an uploaded zip can be used as it is: it is read in place, so nothing of it is ever unpacked to disk."""

import re
import zipfile
from pathlib import Path, PurePosixPath

from regraft.data.readers.archive import FREE_BYTES, MOST_EXPANSION
from regraft.errors import DataError, reason_of

MOST_FILES = 500_000
MOST_DIRECTORY = 1 << 28  # bytes of the list of members, which is read into memory
SIZE = 5  # place of the list's length in that record
ENCRYPTED = 0x1  # a member's flag
DRIVE = re.compile("[A-Za-z]:")


def check_zip(path: Path, name: str, most_files: int = MOST_FILES) -> int:
    """How many files a zip holds; DataError where it is none, leads out of itself, has a password, or is a bomb.

    ``name``: what it was called where it came from. Its list of members alone is read.
    """
    try:
        check_directory(path)
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except Exception as error:  # zipfile raises many kinds for damaged archives
        raise DataError(f"{name} is no zip archive that can be read: {reason_of(error)}; make it anew") from None
    if not members:
        raise DataError(f"{name} holds no files; zip the folder that holds a folder for each class")
    if len(members) > most_files:
        raise DataError(
            f"{name} holds {len(members):,} files; at most {most_files:,} are taken, so give a part of them"
        )
    for member in members:
        if leads_out(member.filename):
            raise DataError(
                f"{name} holds '{member.filename[:80]}', which leads out of the archive; zip the folder anew"
            )
        if member.flag_bits & ENCRYPTED:
            raise DataError(f"{name} has a password; zip the folder without one")
    unpacked, allowed = sum(member.file_size for member in members), FREE_BYTES + MOST_EXPANSION * path.stat().st_size
    if unpacked > allowed:
        raise DataError(f"{name} unpacks to {unpacked:,} bytes, over {allowed:,}; zip fewer images")
    return len(members)


def check_directory(path: Path) -> None:
    """Raise BadZipFile where the list of members is too long, by the archive's last record."""
    with path.open("rb") as file:
        record = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if record and record[SIZE] > MOST_DIRECTORY:
        raise zipfile.BadZipFile("its list of files is too long")


def leads_out(name: str) -> bool:
    """Whether a member's name is a place outside the archive, on any system."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or bool(DRIVE.match(name)) or "\0" in name
