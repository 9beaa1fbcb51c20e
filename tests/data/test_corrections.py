"""A person's corrections: read, refused where they do not fit, applied, and nobody else changes places."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture

from regraft import DataError, Reading, scan
from regraft import train as train_run
from regraft.data.content import OnDisk, hash_of
from regraft.data.correcting import content_hash
from regraft.data.find import find_images
from regraft.planning.prepare import look
from regraft.recipe import Recipe

Regraft = Callable[..., tuple[int, str, str]]
SMALL = Recipe(image_size=64, strategy="head")


def table(place: Path, *rows: tuple[str, str, str, str], **more: str) -> Path:
    """A table of (path, was, label, action)."""
    with place.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "was", "label", "action", *more])
        writer.writerows([*row, *more.values()] for row in rows)
    return place


def labels_in(images: object) -> dict[str, str]:
    return {file.name: images.classes[file.label] for file in images.files}  # type: ignore[attr-defined]


def test_labels_are_corrected_and_images_left_out(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    data = make_folder()
    before = labels_in(find_images(data))
    given = table(
        tmp_path / "c.csv",
        ("class0/000.png", "class0", "class1", "relabel"),
        ("class0/001.png", "class0", "", "Leave-Out"),
        ("class1/002.png", "class1", "class1", "keep"),
        ("class1/003.png", "", "fog", "new class"),
    )
    images = find_images(data, Reading(corrections=str(given)))
    after = labels_in(images)
    assert images.classes == ("class0", "class1", "fog")
    assert before.keys() - after.keys() == {"class0/001.png"}
    assert {name: after[name] for name in after if after[name] != before[name]} == {
        "class0/000.png": "class1",
        "class1/003.png": "fog",
    }
    assert any("2 labels corrected, 1 image left out" in note and "1 looked at" in note for note in images.notes)
    assert [(fault.path, fault.action) for fault in images.faults if fault.kind == "corrected"] == [
        ("class0/000.png", "kept"),
        ("class0/001.png", "left out"),
        ("class1/003.png", "kept"),
    ]
    assert find_images(images, Reading(corrections=str(given))) is images  # not twice
    with pytest.raises(DataError, match="were corrected by"):
        find_images(images, Reading(corrections=str(tmp_path / "other.csv")))


GOOD = ("class0/000.png", "class0", "class1", "relabel")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("class0/nope.png", "class0", "class1", "relabel")], "there is no such image"),
        ([("000.png", "class0", "class1", "relabel")], "there is 'class0/000.png'"),
        ([("class0/000.png", "class0", "clas1", "relabel")], "did you mean 'class1'"),
        ([("class0/000.png", "class0", "sky", "relabel")], "write the action 'new class'"),
        ([("class0/000.png", "class1", "class0", "relabel")], "its label is 'class0' and not 'class1'"),
        ([GOOD, GOOD], "has two rows, lines 2 and 3"),
        ([GOOD, ("class0/000.png", "class0", "", "leave out")], "two rows that differ"),
        ([("class0/000.png", "class0", "class1", "keep")], "write the action relabel"),
        ([("class0/000.png", "", "class1", "keep")], "is not kept"),
        ([("class0/000.png", "class0", "", "relabel")], "the label is empty"),
        ([("class0/000.png", "class0", "class1", "change")], "the action is 'change'"),
        ([("", "class0", "class1", "relabel")], "names no image"),
        ([(f"class0/{i:03d}.png", "class0", "", "leave out") for i in range(12)], "leaves images of 1 class"),
        ([("class0/x", "", "", "leave out"), ("class0/y", "", "", "leave out")], "1 more rows do not fit"),
    ],
)
def test_rows_that_do_not_fit(
    rows: list[tuple[str, str, str, str]], said: str, make_folder: Callable[..., Path], tmp_path: Path, regraft: Regraft
) -> None:
    code, _, err = regraft("scan", make_folder(), "--corrections", table(tmp_path / "c.csv", *rows), "--quiet")
    assert code == 2
    assert said in " ".join(err.split())
    assert "Traceback" not in err


def test_tables_that_are_none(make_folder: Callable[..., Path], tmp_path: Path, regraft: Regraft) -> None:
    data, wrong = make_folder(), tmp_path / "c.csv"
    for text, said in (
        ("path,label\na,b\n", "no column 'action'"),
        ("path,label,action\na,b,keep,d,e\n", "more cells"),
    ):
        wrong.write_text(text)
        code, _, err = regraft("plan", data, "--corrections", wrong, "--quiet")
        assert (code, said in " ".join(err.split())) == (2, True), err
    for place, said in ((tmp_path / "none.csv", "is not there"), (tmp_path, "is no file")):
        code, _, err = regraft("train", data, "--corrections", place, "--quiet")
        assert (code, said in " ".join(err.split())) == (2, True), err


def test_a_replaced_image_is_noticed(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    data = make_folder()
    image = data / "class0" / "000.png"
    given = table(tmp_path / "c.csv", GOOD, hash=content_hash(OnDisk(image)))
    assert labels_in(find_images(data, Reading(corrections=str(given))))["class0/000.png"] == "class1"
    assert content_hash(OnDisk(image)) == hash_of(image.read_bytes())
    picture(1, 999).save(image)
    with pytest.raises(DataError, match="another image than the one that was looked at"):
        find_images(data, Reading(corrections=str(given)))


def test_a_spreadsheets_table_is_read(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    data = make_folder()
    (data / "class0" / "000.png").rename(data / "class0" / "=1.png")
    given = tmp_path / "c.csv"
    given.write_text("\ufeffsep=;\nPath;was;Label;Action\nclass0/=1.png;class0;class1;RELABEL\n", encoding="utf-8")
    assert labels_in(find_images(data, Reading(corrections=str(given))))["class0/=1.png"] == "class1"


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("grouped", [False, True])
def test_the_others_keep_their_parts(suffix: str, grouped: bool, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for kind in range(3):
        (data / f"class{kind}").mkdir(parents=True)
        for i in range(20):
            picture(kind, i).save(data / f"class{kind}" / f"p{i // 2}-{i}.{suffix}")
    settings = {"group_by": r"class\d/p\d+"} if grouped else {}
    plain = look(data, SMALL.but(**settings))
    draw = np.random.default_rng(0)
    names = sorted(file.name for file in plain.features.images.files)
    chosen = [str(name) for name in draw.choice(names, 12, replace=False)]
    rows = [(name, name[:6], "class1" if name[:6] != "class1" else "class2", "relabel") for name in chosen[:7]]
    given = table(tmp_path / "c.csv", *rows, *((name, name[:6], "", "leave out") for name in chosen[7:]))
    corrected = look(data, SMALL.but(corrections=given, **settings))
    assert corrected.features.passed == 0  # features are by content, whatever the label

    def places(looked: object) -> dict[str, tuple[str, int | None]]:
        split = looked.split()  # type: ignore[attr-defined]
        files, parts = looked.features.images.files, split.part_of()  # type: ignore[attr-defined]
        fold = dict(zip(split.train.tolist(), split.folds.tolist(), strict=True))
        return {files[row].name: (part, fold.get(row)) for row, part in parts.items()}

    before, after = places(plain), places(corrected)
    assert after == {name: part for name, part in before.items() if name not in chosen[7:]}


def test_a_class_that_no_training_image_has_left(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    data = make_folder(parts=("train", "test"), each=4)
    rows = [(f"train/class0/{i:03d}.png", "class0", "class1", "relabel") for i in range(4)]
    given = table(tmp_path / "c.csv", *rows)
    with pytest.raises(DataError, match="no training image is of 'class0'"):
        look(data, SMALL.but(corrections=given)).split()


def test_a_table_beside_the_data_is_named_and_not_applied(make_folder: Callable[..., Path], regraft: Regraft) -> None:
    data = make_folder()
    table(data / "corrections.csv", GOOD)
    images = scan(data, progress=False)
    assert labels_in(images)["class0/000.png"] == "class0"
    assert any("is there and not applied; --corrections" in note for note in images.notes)
    assert not any(fault.path == "corrections.csv" for fault in images.faults)
    code, printed, _ = regraft("scan", data, "--quiet")
    assert code == 0
    assert "not applied" in " ".join(printed.split())


@pytest.mark.slow
def test_training_says_what_the_corrections_brought(
    make_folder: Callable[..., Path], tmp_path: Path, regraft: Regraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_folder(each=30)
    for i in range(6):  # wrong labels
        (data / "class0" / f"{i:03d}.png").rename(data / "class1" / f"wrong{i}.png")
    first = train_run(data, SMALL, tmp_path / "first", progress=False)
    rows = [(f"class1/wrong{i}.png", "class1", "class0", "relabel") for i in range(6)]
    given = table(tmp_path / "c.csv", *rows, run=os.path.relpath(first.folder, tmp_path))
    monkeypatch.chdir(tmp_path)
    second = train_run(data, SMALL, "second", progress=False, corrections="c.csv")
    assert second.images_through_backbone == 0
    gained = second.gained
    assert gained
    assert gained.images == first.metrics.images == second.metrics.images
    assert gained.as_labelled == pytest.approx(first.metrics.accuracy)
    assert gained.after == pytest.approx(second.metrics.accuracy) == 1.0
    assert gained.before <= gained.after
    described = json.loads((second.folder / "data.json").read_text())
    assert described["corrections"]["relabelled"] == 6
    assert {file["was"] for file in described["files"] if file["path"].startswith("class1/wrong")} == {"class1"}
    assert json.loads((second.folder / "metrics.json").read_text())["gained"]["after"] == 1.0
    recipe = json.loads((second.folder / "recipe.json").read_text())
    assert recipe["reading"]["corrections"] == str(given.resolve())
    code, printed, err = regraft(
        "train", data, "--recipe", second.folder / "recipe.json", "--out", tmp_path / "third", "--quiet"
    )
    assert code == 0, err
    said = " ".join(printed.split())
    assert "labelled as they are now, accuracy went from" in said
    assert "6 labels corrected, 0 images left out" in said
