"""Doubtful labels come in a sensible order, and decisions are kept."""

import csv
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from PIL import Image, ImageDraw

from regraft import DataError, Recipe, RunError, train
from regraft.data.find import find_images
from regraft.evaluation.review.decisions import Decisions
from regraft.evaluation.review.review import Review, review, table_for
from regraft.recipe import Reading

Regraft = Callable[..., tuple[int, str, str]]
EACH, WRONG = 30, 4
RECIPE = Recipe(image_size=64, strategy="head")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on three classes, of which class2 holds images of class0, and a near copy lies in class1."""
    place = tmp_path_factory.mktemp("review")
    for kind in range(3):
        (place / "data" / f"class{kind}").mkdir(parents=True)
    for kind in range(3):
        for i in range(EACH):
            wrong = kind == 0 and i < WRONG
            folder = place / "data" / ("class2" if wrong else f"class{kind}")
            picture(kind, i).save(folder / f"{'wrong' if wrong else 'right'}{kind}-{i:02d}.png")
    shutil.copy(place / "data" / "class0" / "right0-20.png", place / "data" / "class1" / "copy.png")
    return train(place / "data", RECIPE, place / "run", progress=False).folder


@pytest.fixture
def made(run: Path, tmp_path: Path) -> Review:
    return review(run, corrections=tmp_path / "c.csv", progress=False)


def test_planted_labels_come_first_and_each_once(made: Review) -> None:
    paths = [item.path for item in made.items]
    assert len(set(paths)) == len(paths)
    first = made.items[0]
    assert first.path == "class1/copy.png"
    assert first.kinds[0] == "near-duplicate"
    assert (first.label, first.suggested, first.other) == ("class1", "class0", "class0/right0-20.png")
    assert "class0/right0-20.png" not in paths
    wrong = {f"class2/wrong0-{i:02d}.png" for i in range(WRONG)}
    assert set(paths[1 : 1 + WRONG]) == wrong
    for item in made.items[1 : 1 + WRONG]:
        assert item.suggested == "class0"
        assert item.probability > item.own
        assert item.reason
    rows = made.nearest(0)
    files = made.features.images.files
    assert files[rows[0]].name == first.other
    assert first.row not in rows
    assert len(rows) == len(set(rows)) == 4


def test_a_near_copy_with_another_label_is_found(tmp_path: Path) -> None:
    for kind in range(2):
        (tmp_path / "data" / f"class{kind}").mkdir(parents=True)
        for i in range(EACH):
            scene(10 * kind + i, kind).save(tmp_path / "data" / f"class{kind}" / f"{i:02d}.png")
    scene(3, 0).resize((120, 120)).save(tmp_path / "data" / "class1" / "smaller.jpg", quality=70)
    made = train(tmp_path / "data", RECIPE, tmp_path / "run", progress=False)
    first = review(made.folder, progress=False).items[0]
    assert (first.path, first.other) == ("class1/smaller.jpg", "class0/03.png")
    assert first.kinds[0] == "near-duplicate"


def scene(seed: int, kind: int) -> Image.Image:
    """Random shapes, reddish or bluish."""
    draw = np.random.default_rng(seed + 1000 * kind)
    image = Image.new("RGB", (200, 200), (200, 150, 150) if kind == 0 else (150, 150, 200))
    pen = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, w, h = draw.integers(0, 160, 2).tolist() + draw.integers(10, 70, 2).tolist()
        pen.ellipse((x, y, x + w, y + h), fill=tuple(draw.integers(0, 120, 3).tolist()))
    return image


def test_decisions_are_kept_whole_and_taken_back(made: Review, run: Path, tmp_path: Path) -> None:
    table = tmp_path / "c.csv"
    assert made.decisions.path == table
    one, two, three = made.items[:3]
    made.decisions.decide(one, "leave out")
    made.decisions.decide(two, "relabel", two.suggested)
    made.decisions.decide(three, "relabel", three.suggested)
    made.decisions.forget(three)
    made.decisions.decide(one, "keep")
    made.decisions.decide(one, "relabel", one.suggested)
    with table.open(newline="", encoding="utf-8") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert [(row["path"], row["action"], row["label"]) for row in rows.values()] == [
        (two.path, "relabel", "class0"),
        (one.path, "relabel", "class0"),
    ]
    assert (tmp_path / rows[one.path]["run"]).resolve() == run.resolve()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    data = run.parent / "data"
    corrected = find_images(data, Reading(corrections=str(table)))
    assert corrected.corrected
    assert corrected.corrected.run == str(run.resolve())
    again = review(run, corrections=table, progress=False)
    assert again.reviewed == 2
    assert not {one.path, two.path} & {item.path for item in again.items}


def test_what_a_person_wrote_into_the_table_stays(made: Review, tmp_path: Path) -> None:
    item = made.items[0]
    table = tmp_path / "c.csv"
    table.write_text(
        f"path,label,action,mine,note\nclass0/right0-10.png,,leave out,hello,\n{item.path},,keep,there,look\n"
    )
    made.decisions.decide(item, "leave out")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["path"], row["mine"], row["note"]) for row in rows] == [
        ("class0/right0-10.png", "hello", ""),
        (item.path, "", "look"),
    ]


def test_bad_decisions_are_refused(made: Review, run: Path, tmp_path: Path) -> None:
    item = made.items[0]
    for action, label in (("relabel", "class9"), ("change", ""), ("new class", " ")):
        with pytest.raises(DataError):
            made.decisions.decide(item, action, label)
    assert not made.decisions.path.exists()
    made.decisions.decide(item, "relabel", item.was)
    assert made.decisions.read()[item.path]["action"] == "keep"
    (tmp_path / "none.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no table of corrections"):
        Decisions(tmp_path / "none.csv", run, ("a", "b"))
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        Decisions(tmp_path / "file" / "c.csv", run, ("class0",)).decide(item, "keep")


def test_where_the_table_lies(run: Path, tmp_path: Path) -> None:
    data = run.parent / "data"
    assert table_for(run, data, Recipe()) == data / "corrections.csv"
    (tmp_path / "table.csv").touch()
    assert table_for(run, tmp_path / "table.csv", Recipe()) == tmp_path / "corrections.csv"
    (tmp_path / "data.zip").touch()
    beside = run.parent / "run.corrections.csv"
    assert table_for(run, tmp_path / "data.zip", Recipe()) == beside.resolve()
    assert table_for(run, "hf:name", Recipe()) == beside.resolve()
    assert table_for(run, data, Recipe(corrections="mine.csv")) == Path("mine.csv")


def test_the_list_is_printed(run: Path, regraft: Regraft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "c.csv"
    monkeypatch.setenv("COLUMNS", "80")
    code, printed, err = regraft("review", run, "--list", "--corrections", table, "--quiet")
    assert code == 0, err
    assert "images to look at." in printed
    lines = printed.splitlines()
    assert lines[0] == "1. class1/copy.png"
    assert lines[1].startswith("   labelled 'class1', perhaps 'class0' (")
    assert re.fullmatch(r"   - it shows the same as class0/\S+\.png, which is 'class0'", lines[2])
    assert max(map(len, lines)) <= 80
    assert not table.exists()
    code, printed, _ = regraft("review", run, "--json", "--most", 2, "--corrections", table, "--quiet")
    told = json.loads(printed)
    assert code == 0
    assert told["items"][0]["path"] == "class1/copy.png"
    assert len(told["items"]) == 2
    assert told["train"].startswith("regraft train ")
    listed = tmp_path / "list.csv"
    assert regraft("review", run, "--csv", listed, "--corrections", table, "--quiet")[0] == 0
    with listed.open(newline="") as file:
        assert next(csv.DictReader(file))["suggested"] == "class0"
    code, _, err = regraft("review", run, "--csv", listed, "--quiet")
    assert (code, "exists already" in err) == (2, True)


def test_runs_that_cannot_be_reviewed(run: Path, regraft: Regraft, tmp_path: Path) -> None:
    code, _, err = regraft("review", tmp_path, "--list", "--quiet")
    assert (code, "no finished run" in err) == (2, True), err
    moved = tmp_path / "moved"
    shutil.copytree(run, moved)
    described = json.loads((moved / "data.json").read_text())
    (moved / "data.json").write_text(json.dumps(described | {"root": str(tmp_path / "gone")}))
    code, _, err = regraft("review", moved, "--list", "--quiet")
    assert (code, "name their place with --data" in " ".join(err.split())) == (2, True), err
    data = run.parent / "data"
    code, _, err = regraft("review", moved, "--list", "--data", data, "--corrections", tmp_path / "c.csv", "--quiet")
    assert code == 0, err


def test_the_loop_ends_with_a_better_run(run: Path, made: Review, tmp_path: Path) -> None:
    """A person who knows looks at the first of them, and trains again."""
    for item in made.items[: 1 + WRONG]:
        made.decisions.decide(item, "relabel", "class0")
    better = train(
        run.parent / "data", RECIPE, tmp_path / "better", progress=False, corrections=os.fspath(tmp_path / "c.csv")
    )
    assert better.images_through_backbone == 0
    assert better.gained
    assert better.gained.run == str(run.resolve())
    assert better.gained.after >= better.gained.before
    assert any("5 labels corrected" in note for note in better.notes)
    again = review(better.folder, progress=False)
    assert again.decisions.path == tmp_path / "c.csv"
    assert again.reviewed == 5
