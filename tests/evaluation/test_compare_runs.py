"""Runs side by side on one test set."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import regraft as package
from regraft.evaluation.comparison.runs import compare_runs
from regraft.evaluation.comparison.words import verdict_on
from regraft.metrics.comparisons import Difference
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
        (
            (head, early, "--seed", 2),
            "a comparison of runs takes no --seed: that is for comparing strategies on DATA; leave it out",
        ),
        ((head, "--on", data), "two or more runs"),
        ((head, early, "--settings", 2), "a comparison of runs takes no --settings: "),
        ((head, early, "--out", tmp_path / "x"), "leave it out; the result is printed, and `--json > FILE` keeps it"),
        ((head, early, "--out", tmp_path / "x", "--sizes", "9"), "takes no --sizes and no --out: "),
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


@pytest.mark.parametrize(
    ("difference", "adjusted_p", "said"),
    [
        (
            Difference(0.033, -0.013, 0.079, 0.84, 0.13, 0.03, 0.267, "McNemar"),
            0.534,
            "a is ahead, but that may be chance",
        ),
        (
            Difference(-0.033, -0.079, 0.013, 0.03, 0.13, 0.84, 0.267, "McNemar"),
            None,
            "b is ahead, but that may be chance",
        ),
        (Difference(0.02, -0.03, 0.07, 0.6, 0.3, 0.1, 0.5, "McNemar"), None, "the difference may be chance"),
        (Difference(0.05, 0.01, 0.09, 0.96, 0.03, 0.01, 0.02, "McNemar"), 0.08, "a is ahead, but that may be chance"),
        (Difference(0.05, 0.01, 0.09, 0.96, 0.03, 0.01, 0.02, "McNemar"), 0.04, "a is better"),
        (Difference(0.03, 0.001, 0.06, 0.9, 0.1, 0.0, 0.04, "McNemar"), None, "a is probably better"),
        (Difference(0.001, -0.004, 0.006, 0.0, 1.0, 0.0, 0.9, "McNemar"), None, "equal within 1 point"),
        (Difference(0.03, *[float("nan")] * 6, "corrected t"), None, "not decided"),
    ],
)
def test_what_may_be_chance_is_not_called_better(difference: Difference, adjusted_p: float | None, said: str) -> None:
    assert verdict_on(difference, "a", "b", adjusted_p) == said
