"""What features give away: copies across the split, labels that are not believed."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from PIL import Image, ImageDraw

from regraft.data.content import Given
from regraft.data.faults import copies
from regraft.data.identity import Look
from regraft.data.images import ImageFile, ImageSet
from regraft.data.looks import Looks
from regraft.features.head import weights_of_classes
from regraft.features.label_issues import doubted_labels
from regraft.planning.prepare import prepare
from regraft.recipe import Recipe

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]


def photo(seed: int) -> Image.Image:
    """A picture of many scales that is like no other."""
    draw = np.random.default_rng(seed)
    image = Image.new("RGB", (96, 96), tuple(draw.integers(0, 255, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(draw.integers(2, 9)):
        shape = (pen.ellipse, pen.rectangle)[draw.integers(2)]
        left, top = draw.integers(-20, 80, 2).tolist()
        wide, high = draw.integers(8, 70, 2).tolist()
        shape((left, top, left + wide, top + high), fill=tuple(draw.integers(0, 255, 3).tolist()))
    return image


def write_photos(root: Path, parts: tuple[str, ...], each: int) -> None:
    seeds = iter(range(10_000))
    for part in parts:
        for name in ("a", "b"):
            (root / part / name).mkdir(parents=True)
            for i in range(each):
                photo(next(seeds)).save(root / part / name / f"{i:02d}.png")


def test_copies_across_the_users_split_are_found_and_weighed(regraft: Regraft, tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_photos(root, ("train", "test"), 30)
    source = Image.open(root / "train" / "a" / "03.png")
    copies = {
        "same.png": source.save,
        "again.jpg": lambda path: source.save(path, quality=70),
        "smaller.png": lambda path: source.resize((64, 64)).save(path),
        "mirrored.png": lambda path: source.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path),
        "cropped.png": lambda path: source.crop((4, 4, 92, 92)).save(path),
    }
    for name, write in copies.items():
        write(root / "test" / "a" / name)
    out = tmp_path / "run"
    code, printed, err = regraft("train", root, "--strategy", "head", "--out", out, "--json", "--quiet")
    assert code == 0, err
    found = {f["path"]: f["kind"] for f in json.loads((out / "data.json").read_text())["faults"]}
    planted = {f"test/a/{name}" for name in copies}
    kinds = {path for path, kind in found.items() if kind in {"near-duplicate", "duplicate across splits"}}
    assert len(planted & kinds) >= 4
    assert kinds <= planted
    result = json.loads(printed)
    assert result["near_duplicates"]["images"] >= 4
    assert result["near_duplicates"]["accuracy_without"] != result["near_duplicates"]["accuracy_with"]
    assert any(
        "are copies of images" in said for said in (*result["notes"], *(one["text"] for one in result["remarks"]))
    )
    assert "across the split</h3>" in (out / "report.html").read_text()


def test_a_test_part_of_copies_alone_is_found_whole(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_photos(root, ("train",), 20)
    for path in sorted(root.rglob("*.png")):
        copy = root / "test" / path.parent.name / path.with_suffix(".jpg").name
        copy.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).save(copy, quality=90)
    for i in range(6):  # and a few of its own
        photo(900 + i).save(root / "test" / "a" / f"own{i}.png")
    job = prepare(root, Recipe())
    found = {job.images.files[one.row].name for one in job.near_duplicates}
    assert len(found) >= 36
    assert not any("own" in name for name in found)


def test_flipped_labels_come_first(make_folder: Make) -> None:
    root = make_folder(each=40)
    for i in range(3):
        (root / "class0" / f"{i:03d}.png").rename(root / "class1" / f"flipped{i}.png")
        picture(1, 500 + i).save(root / "class0" / f"flipped{i}.png")
    faults = prepare(root, Recipe()).faults
    issues = [fault.path for fault in faults if fault.kind == "label issue"]
    assert {f"class{c}/flipped{i}.png" for c in range(2) for i in range(3)} == set(issues[:6])


def test_confident_learning_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.45, 0.55], [0.05, 0.95]])
    labels = np.array([0, 0, 1, 1, 0, 0])
    found = doubted_labels(probabilities, labels)
    assert [(s.row, s.label) for s in found] == [(5, 1), (4, 1)]  # row 4 leans to 1, but less than the ones do
    assert found[0].probability == pytest.approx(0.95)
    assert found[0].own == pytest.approx(0.05)


def test_class_weights() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    assert weights_of_classes(labels, 2, "none") is None
    for how in ("auto", "inverse-frequency"):
        np.testing.assert_allclose(weights_of_classes(labels, 3, how), [100 / 180, 5, 0], rtol=1e-6)
    effective = weights_of_classes(labels, 2, "effective-number")
    assert effective is not None
    assert 1 < effective[1] / effective[0] < 9
    assert effective[labels].mean() == pytest.approx(1)


def test_many_copies_take_time_in_proportion() -> None:
    count, seen = 100_000, 0
    files = tuple(ImageFile(f"{row}.png", row % 2, None, Given(lambda: None)) for row in range(count))
    images = ImageSet(Path("many"), ("a", "b"), files)
    begun = time.perf_counter()
    for fault in copies(images, Looks.of([Look("same", "same", 8, 8)] * count)):
        seen += fault.kind == "two labels"
    assert seen == count - 1
    assert time.perf_counter() - begun < 10


def test_scan_says_what_it_does_not_look_for(make_folder: Make, regraft: Regraft) -> None:
    code, printed, _ = regraft("scan", make_folder(each=6), "--quiet")
    assert code == 0
    *_, before, last = printed.strip().splitlines()
    assert before == "No faults found."
    assert last == "`regraft plan` also looks for copies that are not exact, and for doubtful labels."
