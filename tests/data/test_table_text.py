"""Encodings and separators of tables."""

from collections.abc import Callable
from pathlib import Path

import pytest

from regraft.data.find import find_images
from regraft.errors import DataError

Make = Callable[..., Path]
ROWS = ["image,label", *(f"class{c}/{i:03d}.png,{'ab'[c]}é" for c in range(2) for i in range(3))]
TEXT = "\r\n".join(ROWS)
TABLES = {
    "utf-16 of Excel": TEXT.replace(",", "\t").encode("utf-16"),
    "utf-16, big end first": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "utf-16 without a mark": TEXT.encode("utf-16-le"),
    "utf-8 with a mark": TEXT.encode("utf-8-sig"),
    "sep=": f"sep=;\r\n{TEXT.replace(',', ';')}".encode(),
    "sep= against the header": f"sep=|\n{TEXT.replace(',', '|').replace('label', 'label|x,y,z')}".encode(),
    "bars": TEXT.replace(",", "|").encode(),
    "tabs": TEXT.replace(",", "\t").encode(),
    "semicolons and a quoted comma": TEXT.replace(",", ";").replace("label", 'label;"a, b, c"').encode(),
    "spaces after quotes": "\n".join(
        [ROWS[0], *(f'{r.split(",")[0]}, "{r.split(",")[1]}"' for r in ROWS[1:])]
    ).encode(),
    "line ends of old": TEXT.replace("\r\n", "\r").encode(),
    "blank lines": TEXT.replace("\r\n", "\n\n").encode(),
}


@pytest.mark.parametrize("kind", TABLES)
def test_dialects(make_folder: Make, kind: str) -> None:
    path = make_folder(each=3) / "t.csv"
    path.write_bytes(TABLES[kind])
    images = find_images(path)
    assert images.counts() == {"all": {"aé": 3, "bé": 3}}
    assert not images.faults


def test_western_windows_is_read_and_said(make_folder: Make) -> None:
    path = make_folder(each=3) / "t.csv"
    path.write_bytes(TEXT.encode("cp1252"))
    images = find_images(path)
    assert images.classes == ("aé", "bé")
    assert [(fault.kind, "'aé'" in fault.reason) for fault in images.faults] == [("not UTF-8", True)]


@pytest.mark.parametrize("data", [b"image,label\n\x81\x8d\xff,a\n", b"image,label\n\xff\0,a\n", b"\xff\xfei\0m"])
def test_bytes_that_are_no_text_are_refused(make_folder: Make, data: bytes) -> None:
    path = make_folder(each=3) / "t.csv"
    path.write_bytes(data)
    with pytest.raises(DataError):
        find_images(path)


def test_a_row_with_more_cells_is_left_out(make_folder: Make) -> None:
    path = make_folder(each=3) / "t.csv"
    path.write_text("\n".join([*ROWS[:3], ROWS[3] + ",extra", *ROWS[4:6], ROWS[6] + ",,"]))
    images = find_images(path)
    assert [(fault.path, fault.kind) for fault in images.faults] == [("row 3", "too many cells")]
    assert len(images.files) == 5
