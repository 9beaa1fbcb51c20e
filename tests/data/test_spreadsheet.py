"""Cells that a spreadsheet would run are written as text, and read back as they were."""

from pathlib import Path

import pytest
from conftest import picture

from regraft.data.find import find_images
from regraft.data.spreadsheet import as_cell, from_cell, is_formula
from regraft.recipe import Reading

RUN = [
    "=1+1",
    "@SUM(A1)",
    "+A1",
    "-A1",
    "\t=1",
    "\r=1",
    "\n=1",
    ' "=1',
    "'=1",
    "  +a",
    "\uff1d1",
    "\x00=1",
    "-1-1",
    "\tx",
]
TEXT = ["", "cat", "a=b", "'cat'", "p(=1)", "-5", "+1.5e-3", "-.5", "1-2", "a@b", "''"]


@pytest.mark.parametrize("text", RUN)
def test_formulas_get_an_apostrophe(text: str) -> None:
    assert as_cell(text) == "'" + text
    assert from_cell(as_cell(text)) == text
    assert from_cell(as_cell(as_cell(text))) == as_cell(text)


@pytest.mark.parametrize("text", TEXT)
def test_text_and_numbers_are_left_alone(text: str) -> None:
    assert not is_formula(text)
    assert as_cell(text) == text == from_cell(text)


def test_a_table_is_read_without_the_apostrophes(tmp_path: Path) -> None:
    for place, name in enumerate(("=a.png", "+b.png", "c.png", "'d.png")):
        picture(0, place).save(tmp_path / name)
    (tmp_path / "t.csv").write_text("path,class\n'=a.png,'=x\n'+b.png,'=x\nc.png,y\n'd.png,y\n")
    images = find_images(tmp_path / "t.csv", Reading(image_column="path", label_column="class"))
    assert images.classes == ("=x", "y")
    assert sorted(file.name for file in images.files) == ["'d.png", "+b.png", "=a.png", "c.png"]
