"""Headers of tars that no program writes."""

import io
import tarfile
import time
from pathlib import Path

import pytest
from odd import JPEG

from regraft.data.readers.archive import tar_tree
from regraft.errors import DataError


def packed(path: Path, extra: bytes, first: bool = False) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a/0.jpg", "b/" + "long" * 60 + "\u00e9.jpg"):
            member = tarfile.TarInfo(name)
            member.size = len(JPEG)
            archive.addfile(member, io.BytesIO(JPEG))
    data = path.read_bytes()
    end = len(data.rstrip(b"\0")) + 511 & ~511
    path.write_bytes(extra + data if first else data[:end] + extra + bytes(1024))
    return path


def header(kind: bytes, body: bytes, size: int | None = None) -> bytes:
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, len(body) if size is None else size
    return member.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % 512)


@pytest.mark.parametrize(
    "extra",
    [
        header(tarfile.XHDTYPE, b"1" * 900_000),
        header(tarfile.XGLTYPE, b"1" * 900_000),
        header(tarfile.XHDTYPE, b"", 1 << 32),
        header(tarfile.GNUTYPE_LONGNAME, b"", 1 << 32),
    ],
    ids=["digits", "digits for all", "a long header", "a long name"],
)
def test_a_header_of_digits_ends_the_reading_at_once(tmp_path: Path, extra: bytes) -> None:
    begun = time.perf_counter()
    tree = tar_tree(packed(tmp_path / "a.tar", extra))
    assert len(tree.files) == 2
    assert [fault.kind for fault in tree.faults] == ["truncated"]
    with pytest.raises(DataError, match="no tar archive"):
        tar_tree(packed(tmp_path / "b.tar", extra, first=True))
    assert time.perf_counter() - begun < 5
