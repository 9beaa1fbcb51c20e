"""What made a run, as it was typed."""

import shlex
from pathlib import Path

import pytest

from regraft import Recipe
from regraft.data.images import ImageSet
from regraft.runs import command
from regraft.runs.command import made_by

NONE = ("photos", Recipe(), None, False, False)


@pytest.fixture(autouse=True)
def posix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command.os, "name", "posix")


@pytest.mark.parametrize("program", ["/home/someone/.venv/bin/regraft", "regraft", "regraft.exe"])
def test_a_command_is_quoted_and_its_program_has_no_path(program: str) -> None:
    typed = ["train", "~/my photos", "--out", "$(rm x)", "--cut", "it's"]
    said = made_by([program, *typed], *NONE)
    assert shlex.split(said) == ["regraft", *typed]
    assert "someone" not in said


def test_the_module() -> None:
    said = made_by(["/home/someone/src/regraft/__main__.py", "train", "a b"], *NONE)
    assert said == "python -m regraft train 'a b'"


@pytest.mark.parametrize("argv", [[], ["/home/someone/train.py", "secret"], ["/usr/bin/pytest"], ["-c"]])
def test_from_python_it_is_the_call(argv: list[str]) -> None:
    assert made_by(argv, *NONE) == "regraft.train('photos')"
    recipe, out = Recipe(strategy="head", seed=3), Path("run s")
    said = made_by(argv, Path("my photos"), recipe, out, True, False)
    assert said == ("regraft.train('my photos', regraft.Recipe(strategy='head', seed=3), out='run s', overwrite=True)")


def test_images_in_memory_have_no_name() -> None:
    images = ImageSet.__new__(ImageSet)
    assert made_by([], images, Recipe(), None, False, True) == "regraft.train(images, resume=True)"
