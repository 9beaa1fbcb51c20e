"""Runs side by side on one test set."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import regraft as package
from regraft.evaluation.comparison.runs import compare_runs
from regraft.recipe import Recipe

Regraft = Callable[..., tuple[int, str, str]]
SMALL = Recipe(backbone="demonstration", image_size=32)


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Two runs on one data set, with the same test part."""
    from conftest import picture

    place = tmp_path_factory.mktemp("runs")
    for kind in range(2):
        (place / "data" / f"class{kind}").mkdir(parents=True)
        for i in range(60):
            picture(kind, i).save(place / "data" / f"class{kind}" / f"{i:03d}.png")
    for strategy in ("head", "early-layers"):
        package.train(place / "data", SMALL.but(strategy=strategy), place / strategy)
    return place / "data", place / "head", place / "early-layers"


def test_runs_are_compared_on_their_shared_test_images(regraft: Regraft, two_runs: tuple[Path, Path, Path]) -> None:
    _, head, early = two_runs
    code, out, err = regraft("compare", head, early, "--json", "--quiet")
    assert code == 0, err
    result = json.loads(out)
    assert result["images"] == 24
    own = json.loads((head / "metrics.json").read_text())
    assert result["runs"][0]["accuracy"] == own["accuracy"]
    assert result["contrasts"][0]["test"] == "McNemar"


def test_images_that_trained_a_run_judge_none(two_runs: tuple[Path, Path, Path]) -> None:
    data, head, early = two_runs
    made = compare_runs([head, early], data)
    assert made.images == 24
    assert made.notes == ("96 images are left out, since they chose or trained one of the runs",)
    assert made.rows[0].accuracy == compare_runs([head, early]).rows[0].accuracy


def test_bad_runs_are_refused(regraft: Regraft, two_runs: tuple[Path, Path, Path], tmp_path: Path) -> None:
    data, head, early = two_runs
    for arguments, word in [
        ((head, head), "given twice"),
        ((head, tmp_path / "none"), "there is no run folder"),
        ((head, data), "no finished run"),
        ((head, early, "--repeats", 2), "--repeats"),
        ((head, early, "--epochs", 2), "No such option"),
        ((head, early, "--seed", 2), "--seed goes with strategies"),
        ((head, "--on", data), "two or more runs"),
        ((head, early, "--settings", 2), "--settings goes with strategies"),
        ((head, early, "--group-by", "x"), "--group-by says how images are read"),
    ]:
        code, _, err = regraft("compare", *arguments, "--quiet")
        assert code == 2, (arguments, err)
        assert word in err
    broken = tmp_path / "broken"
    shutil.copytree(head, broken)
    text = (broken / "predictions.csv").read_text()
    (broken / "predictions.csv").write_text(text.replace("0.", "x.", 1))
    code, _, err = regraft("compare", broken, early, "--quiet")
    assert (code, "damaged" in err) == (2, True)
