"""Images to label next: those that the run hesitates about, unlike each other, and none that it knows."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from PIL import Image

from regraft import DataError, Recipe, load, suggest, train
from regraft.features.informative import margins_of, most_informative

Regraft = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("suggest")
    for kind in range(2):
        (place / "data" / f"class{kind}").mkdir(parents=True)
        for i in range(12):
            picture(kind, i).save(place / "data" / f"class{kind}" / f"{i:02d}.png")
    return train(place / "data", Recipe(image_size=64, strategy="head"), place / "run", progress=False).folder


@pytest.fixture
def pool(run: Path, tmp_path: Path) -> Path:
    """Twenty clear images, four blends of both classes, a known one, a copy, a broken one and a text."""
    folder = tmp_path / "pool"
    folder.mkdir()
    for i in range(20):
        picture(i % 2, 100 + i).save(folder / f"clear{i:02d}.png")
    for i in range(4):
        Image.blend(picture(0, 200 + i), picture(1, 300 + i), 0.5).save(folder / f"blend{i}.png")
    shutil.copy(run.parent / "data" / "class0" / "00.png", folder / "known.png")
    shutil.copy(folder / "clear00.png", folder / "copy.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "read.txt").write_text("no image")
    return folder


def test_the_doubtful_ones_are_suggested(run: Path, pool: Path, tmp_path: Path) -> None:
    made = suggest(run, pool, 8, progress=False)
    names = [Path(image.path).name for image in made.images]
    assert len(names) == len(set(names)) == 8
    assert (made.pool, made.labelled, made.copies) == (24, 1, 1)
    assert [Path(fault.path).name for fault in made.left_out] == ["broken.png"]
    assert sum(name.startswith("blend") for name in names) >= 2
    margins = [image.margin for image in made.images]
    assert margins == sorted(margins)
    predicted = {str(one.name): one for one in load(run).predict(pool)}
    for image in made.images:
        assert image.probability == pytest.approx(predicted[image.path].probability, abs=0.05)
    links = tmp_path / "links"
    made.link_into(links)
    assert sorted(path.name for path in links.iterdir()) == sorted(names)
    assert all(path.is_symlink() and path.resolve().is_file() for path in links.iterdir())
    made.link_into(links)  # nothing is put there twice
    assert len(list(links.iterdir())) == 8
    assert suggest(run, pool, 8, progress=False).as_dict() == made.as_dict()


def test_all_of_a_small_pool(run: Path, pool: Path) -> None:
    assert len(suggest(run, pool, 50, progress=False).images) == 24


def test_nothing_new(run: Path) -> None:
    with pytest.raises(DataError, match="known to"):
        suggest(run, run.parent / "data", progress=False)


@pytest.mark.slow
def test_the_command(run: Path, pool: Path, tmp_path: Path, regraft: Regraft) -> None:
    listed, links = tmp_path / "next.csv", tmp_path / "next"
    code, printed, err = regraft("suggest", run, pool, "-n", 5, "--csv", listed, "--link-into", links, "--quiet")
    assert code == 0, err
    assert "5 of 24 images to label next" in " ".join(printed.split())
    assert "1 were passed over: the run knows them already" in " ".join(printed.split())
    with listed.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(list(links.iterdir())) == 5
    code, printed, _ = regraft("suggest", run, pool, "-n", 5, "--json", "--quiet")
    assert [image["path"] for image in json.loads(printed)["images"]] == [row["path"] for row in rows]
    for wrong in (
        ["suggest", run, tmp_path / "none"],
        ["suggest", tmp_path, pool],
        ["suggest", run, pool / "read.txt"],
        ["suggest", run, pool, "--csv", tmp_path / "none" / "next.csv"],
        ["suggest", run, pool, "--link-into", listed],
    ):
        code, _, err = regraft(*wrong, "--quiet")
        assert code == 2, err
        assert "Traceback" not in err
    assert "--link-into" in err  # it names the option that was given


def test_the_choice_is_spread() -> None:
    """Of a crowd and a few strangers, all with the same margin, the strangers are in."""
    draw = np.random.default_rng(0)
    centres = np.eye(5, 16)
    which = np.repeat(np.arange(5), [100, 3, 3, 3, 3])
    x = centres[which] + draw.normal(0, 0.02, (112, 16))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    chosen = most_informative(x, np.full(112, 0.1), 5, 0)
    assert set(which[chosen].tolist()) == {0, 1, 2, 3, 4}
    alike = np.repeat(x[:1], 30, axis=0)
    with pytest.warns(Warning, match="distinct clusters"):  # sklearn's own
        assert len(set(most_informative(alike, np.zeros(30), 4, 0).tolist())) == 4
    assert margins_of(np.array([[0.5, 0.3, 0.2]])) == pytest.approx([0.2])
