"""Results as they say what they are, in a console and a notebook, and their pictures."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from conftest import picture

import regraft
from regraft import Recipe, RunError

FAST = Recipe(image_size=32, strategy="head")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shown") / "<i>photos"
    for kind in range(2):
        (root / f"class{kind}").mkdir(parents=True)
        for i in range(12):
            picture(kind, i).save(root / f"class{kind}" / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def run(data: Path) -> regraft.Run:
    return regraft.train(data, FAST, data.parent / "<b>run")


@pytest.fixture(scope="module")
def results(data: Path, run: regraft.Run) -> dict[str, Any]:
    classifier = regraft.load(run.folder)
    return {
        "images": regraft.scan(data),
        "plan": run.plan,
        "run": run,
        "metrics": run.metrics,
        "classifier": classifier,
        "evaluation": classifier.evaluate(data),
        "features": regraft.features_of(data, FAST),
        "ranking": regraft.rank(data, ["demonstration"], Recipe(image_size=32)),
        "look": regraft.look(run.folder, only=["filters"]),
    }


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.open += [] if tag == "br" else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_result_says_what_it_is_in_a_few_plain_lines(results: dict[str, Any]) -> None:
    for name, result in results.items():
        lines = repr(result).splitlines()
        assert 1 <= len(lines) <= 3, name
        assert all(0 < len(line) < 300 for line in lines), name
        assert not repr(result).startswith(type(result).__name__ + "("), name
    assert "24 images of 2 classes: class0, class1" in repr(results["images"])
    assert "Accuracy" in repr(results["run"])
    assert "report.html" in repr(results["run"])
    assert "Classifier of 2 classes: 'class0', 'class1'" in repr(results["classifier"])
    assert "was trained on" in repr(results["evaluation"])
    (prediction,) = results["classifier"].predict(picture(0, 3))
    assert repr(prediction).startswith("0: class0 (")
    (broken,) = results["classifier"].predict(b"nothing")
    assert "no class" in repr(broken)


def test_the_cards_are_self_contained_and_names_have_no_power(results: dict[str, Any]) -> None:
    for name, result in results.items():
        parser = Tags()
        parser.feed(result._repr_html_())
        assert not parser.open, name
        assert {tag for tag, _ in parser.seen} <= {"div", "b", "br", "a"}, name
        assert "<i>" not in result._repr_html_()
        assert "<b>run" not in result._repr_html_()


def test_pictures_by_name(results: dict[str, Any], tmp_path: Path) -> None:
    expected = {
        "plan": {"quadrant", "surgery", "profile"},
        "metrics": {"confusion", "reliability", "coverage", "roc"},
        "evaluation": {"confusion", "reliability", "coverage", "roc"},
        "run": {"quadrant", "surgery", "profile", "confusion", "reliability", "coverage", "roc"},
    }
    for name, names in expected.items():
        pictures = regraft.plots(results[name])
        assert set(pictures) == names, name
        for one in pictures.values():
            assert ElementTree.fromstring(one.svg).tag.endswith("svg")
            assert one._repr_html_().startswith("<svg")
            assert "background:#fff" in one._repr_html_()
    saved = regraft.plots(results["run"])["confusion"].save(tmp_path / "confusion.svg")
    assert ElementTree.parse(saved).getroot().get("aria-label") == "Confusion matrix of 2 classes"
    assert "confusion" in repr(regraft.plots(results["run"])["confusion"])
    with pytest.raises(RunError, match="cannot be written"):
        regraft.plots(results["plan"])["profile"].save(tmp_path / "nowhere" / "a.svg")
    with pytest.raises(RunError, match="a ImageSet has no pictures"):
        regraft.plots(results["images"])


@pytest.mark.slow
def test_pictures_of_a_training_and_of_comparisons(
    make_folder: Callable[..., Path], run: regraft.Run, data: Path, tmp_path: Path
) -> None:
    tuned = regraft.train(
        make_folder(each=12), Recipe(image_size=32, strategy="fine-tune", epochs=2, flip="no"), tmp_path / "tuned"
    )
    assert "training" in regraft.plots(tuned)
    (tuned.folder / "history.csv").unlink()
    assert "training" not in regraft.plots(tuned)
    compared = regraft.compare(data, Recipe(image_size=32), repeats=1, budgets=[1], out=tmp_path / "compared")
    assert set(regraft.plots(compared)) == {"strategies"}
    assert len(repr(compared).splitlines()) == 3
    study = regraft.transferability(data, Recipe(image_size=32, epochs=1), cuts=1, seeds=1, out=tmp_path / "transfer")
    assert set(regraft.plots(study)) == {"transferability"}
    assert len(repr(study).splitlines()) <= 3
