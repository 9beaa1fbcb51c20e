"""What train, evaluate and predict print first, and how they end."""

import csv
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import picture

import regraft
from regraft import Recipe

Regraft = Callable[..., tuple[int, str, str]]
Make = Callable[..., Path]
SETTINGS = Recipe(backbone="demonstration", image_size=32, strategy="head")


@pytest.fixture
def run(make_folder: Make, tmp_path: Path) -> Path:
    return regraft.train(make_folder(each=10), SETTINGS, tmp_path / "run").folder


def test_a_class_that_is_never_found_comes_first_everywhere(regraft: Regraft, tmp_path: Path) -> None:
    root, out = tmp_path / "data", tmp_path / "run"
    for name, images, seed in (("normal", 95, 0), ("defect", 5, 500)):
        (root / name).mkdir(parents=True)
        for i in range(images):
            picture(0, seed + i).save(root / name / f"{i}.png")  # they look alike
    options = ("--backbone", "demonstration", "--image-size", 32, "--strategy", "head", "--quiet")
    code, printed, err = regraft("train", root, "--out", out, *options)
    assert code == 0, err
    lines = printed.splitlines()
    assert lines[0].startswith("'defect' is never found: every image is taken for 'normal'.")
    assert lines[1].startswith("The classes are told apart no better than by chance")
    assert lines[2].startswith("Balanced accuracy 50.0% on 20 test images (95% interval ")
    assert lines[3].startswith("Always naming the largest class gives accuracy 95.0%, this gives 95.0%")
    assert "Under 5 test images of 'defect' (1)" in printed
    page = (out / "report.html").read_text()
    assert page.index("is never found") < page.index("Balanced accuracy on 20 test images")
    remarks = json.loads((out / "metrics.json").read_text())["remarks"]
    assert [remark["kind"] for remark in remarks if remark["first"]] == [
        "never found", "no better than the largest class",
    ]  # fmt: skip
    faults = json.loads((out / "data.json").read_text())["faults"]
    assert not [fault for fault in faults if fault["kind"] == "label issue"]
    code, printed, err = regraft("evaluate", out, root, "--quiet")
    assert code == 0, err
    assert printed.startswith("'defect' is never found")


@pytest.mark.slow
@pytest.mark.parametrize("found", [False, True])
def test_one_percent_of_positives_is_not_summed_up_as_99_percent(regraft: Regraft, tmp_path: Path, found: bool) -> None:
    root, out = tmp_path / "data", tmp_path / "run"
    for part, start, positives in (("train", 0, 6), ("test", 1000, 4)):
        for name, images in (("normal", 100 * positives - positives), ("defect", positives)):
            (root / part / name).mkdir(parents=True)
            for i in range(images):
                shown = int(found and name == "defect" and (part, i) != ("test", 3))  # that one looks like the others
                picture(shown, start + i + 500 * (name == "defect"), 16).save(root / part / name / f"{i}.png")
    options = ("--backbone", "demonstration", "--image-size", 16, "--strategy", "head", "--quiet")
    options += ("--class-weights", "auto") if found else ()
    code, trained, err = regraft("train", root, "--out", out, *options)
    assert code == 0, err
    code, evaluated, err = regraft("evaluate", out, root, "--quiet")
    assert code == 0, err
    for printed in (trained, evaluated):
        first, *others = printed.splitlines()
        assert "99" not in first
        assert "accuracy 99." in "\n".join(others)
        if found:
            assert re.match(r"Balanced accuracy [678]\d\.\d% on 400 test images \(95% interval ", first)
            assert others[0].startswith("Always naming the largest class gives accuracy 99.0%, this gives 99.")
        else:
            assert first.startswith("'defect' is never found")
    page = (out / "report.html").read_text()
    page = page[page.index("<h1>") :]
    assert page.index("Balanced accuracy on 400") < page.index("99.")


def test_a_notebooks_card_leads_with_the_balanced_accuracy_where_classes_are_uneven(
    make_folder: Make, tmp_path: Path
) -> None:
    root = make_folder(each=40)
    for path in sorted((root / "class0").iterdir())[12:]:
        path.unlink()
    run = regraft.train(root, SETTINGS, tmp_path / "run")
    card = run._repr_html_()
    assert card.index("balanced accuracy") < card.index("always naming the largest class: 80.0%; accuracy ")


def test_a_class_that_is_not_tested_comes_first(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(each=12)
    for path in sorted((root / "class0").iterdir())[1:]:
        path.unlink()
    options = ("--backbone", "demonstration", "--image-size", 32, "--strategy", "head", "--quiet")
    code, printed, err = regraft("train", root, "--out", tmp_path / "run", *options)
    assert code == 0, err
    assert printed.startswith("No test image of 'class0': the figures are of 'class1' alone.")


def test_every_file_is_in_what_predict_writes(run: Path, regraft: Regraft, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()
    for name in ("a.png", "b.png"):
        picture(1, 50).save(new / name)
    (new / "a.png").rename(new / "IMG_1")
    (new / "notes.txt").write_text("x")
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
        archive.write(new / "b.png", "c.png")
    (tmp_path / "list.csv").write_text("image\nnew/b.png\nnew/gone.png\n")
    given = (new, tmp_path / "new.zip", tmp_path / "list.csv")
    code, printed, err = regraft("predict", run, *given, "--out", tmp_path / "p.csv", "--quiet", "--json")
    assert code == 0, err
    rows = json.loads(printed)["predictions"]
    assert [row["class"] for row in rows] == ["class1", "class1", None, "class1", "class1", None]
    assert rows[2]["error"].startswith("not an image")
    assert rows[5]["error"].startswith("missing")
    written = list(csv.DictReader((tmp_path / "p.csv").read_text().splitlines()))
    assert [row["path"] for row in written] == [row["path"] for row in rows]
    code, printed, err = regraft("predict", run, new, "--quiet")
    assert code == 0, err
    assert "2 of 3 files are predicted" in printed


def test_nothing_predicted_ends_with_2(run: Path, regraft: Regraft, tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("x")
    for path in (tmp_path / "text", tmp_path / "text" / "a.txt"):
        code, printed, err = regraft("predict", run, path, "--quiet")
        assert code == 2
        assert "a.txt" in printed
        assert len(err.strip().splitlines()) == 1
        assert "no image" in err
    shutil.rmtree(tmp_path / "text")
