"""Every public function takes paths as str and as whatever has a path."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import picture

import regraft
from regraft import Recipe

FAST = Recipe(image_size=32, strategy="head")


@dataclass(frozen=True)
class Place:
    """A path by its protocol alone."""

    where: str

    def __fspath__(self) -> str:
        return self.where

    def __str__(self) -> str:
        return "no path"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images in photos/ and others/, runs in run/ and again/."""
    root = tmp_path_factory.mktemp("world")
    for name, first in (("photos", 0), ("others", 500)):
        for kind in range(2):
            (root / name / f"class{kind}").mkdir(parents=True)
            for i in range(first, first + 26):
                picture(kind, i).save(root / name / f"class{kind}" / f"{i}.png")
    for run in ("run", "again"):
        regraft.train(root / "photos", FAST, root / run)
    return root


CALLS: dict[str, Callable[[Callable[[str], Any]], object]] = {
    "scan": lambda at: regraft.scan(at("photos")),
    "plan": lambda at: regraft.plan(at("photos"), FAST, out=at("planned"), overwrite=True),
    "train": lambda at: regraft.train(at("photos"), FAST, out=at("trained"), overwrite=True).folder / "model",
    "run as backbone": lambda at: regraft.plan(at("photos"), Recipe(backbone=at("run"))),
    "load": lambda at: regraft.load(at("run")),
    "predict": lambda at: regraft.load(at("run")).predict(at("photos")),
    "predict_proba": lambda at: regraft.load(at("run")).predict_proba([at("photos/class0/0.png")]),
    "features": lambda at: regraft.load(at("run")).features([at("photos/class0/0.png"), picture(0, 3)]),
    "evaluate": lambda at: regraft.load(at("run")).evaluate(at("photos")),
    "features_of": lambda at: regraft.features_of(at("photos"), FAST),
    "card": lambda at: regraft.card(at("run")),
    "rank": lambda at: regraft.rank(at("photos"), ["demonstration"], Recipe(image_size=32)),
    "compare_runs": lambda at: regraft.compare_runs([at("run"), at("again")], at("others")),
    "reference": lambda at: regraft.reference("demonstration", [at("photos")], out=at("statistics.json")),
}  # fmt: skip
SLOW: dict[str, Callable[[Callable[[str], Any]], object]] = {
    "continue": lambda at: regraft.train(
        at("photos"), Recipe(continue_from=at("run"), strategy="head"), out=at("onward"), overwrite=True
    ),
    "look": lambda at: regraft.look(at("run"), at("photos"), only=["maps"], image=at("photos/class0/0.png")).write(
        at("seen"), overwrite=True
    ),
    "compare": lambda at: regraft.compare(
        at("photos"), FAST.but(strategy=None), repeats=1, budgets=[1], out=at("compared"), overwrite=True
    ),
    "transferability": lambda at: regraft.transferability(
        at("photos"), Recipe(image_size=32, epochs=1), cuts=1, seeds=1, out=at("transfer")
    ),
    "ImageClassifier": lambda at: regraft.ImageClassifier(recipe=FAST).fit(
        [at(f"photos/class{kind}/{i}.png") for kind in (0, 1) for i in range(6)], [0] * 6 + [1] * 6
    ),
}


@pytest.mark.parametrize(
    "call", [*CALLS.values(), *(pytest.param(one, marks=pytest.mark.slow) for one in SLOW.values())],
    ids=[*CALLS, *SLOW],
)  # fmt: skip
def test_str_and_path_like_do_the_same(
    call: Callable[[Callable[[str], Any]], object], world: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in (str, Place):
        call(lambda name, kind=kind: kind(str(world / name)))
    assert not list(tmp_path.iterdir())  # nothing was written elsewhere


def test_the_name_of_a_run_follows_from_its_path(world: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert regraft.train(Place(str(world / "photos")), FAST).folder.name == "photos-1"
