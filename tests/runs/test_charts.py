"""The report's pictures: well formed, with the facts in them, whatever the names and numbers."""

import math
import re
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from regraft.runs.charts import draw_confusion, draw_curves, draw_profile, draw_quadrant
from regraft.runs.four_cases import draw_cases, network_in
from regraft.runs.ran import Ran
from regraft.similarity.score import Reference

SVG = "{http://www.w3.org/2000/svg}"
ODD = ('<b>&amp; "it\'s"</b>', "half \udcff of a pair", "bell \x07", "שלום עולם", "x" * 200, "$x_1$", "two\nlines", "")


def plan_of(cuts: dict[str, float | None], **changes: Any) -> dict[str, Any]:
    profile = [
        {
            "cut": cut,
            "stride": min(32, 2**i),
            "accuracy": accuracy,
            "behind_last": 0.0,
            "standard_error": 0.01 * (i > 0),
        }
        for i, (cut, accuracy) in enumerate(cuts.items(), 1)
    ]
    similarity = {"score": 0.25, "interval": [0.1, 0.5], "threshold": 0.5, "chance": 0.3, "profile": profile}
    first = next(iter(cuts))
    plan = {"case": "small-different", "strategy": "early-layers", "cuts": [first], "early_cut": first}
    return plan | {"size": {"images": 1438, "threshold": 20_000}, "similarity": similarity} | changes


def history_of(*rows: tuple[float | None, ...], best: int = 0) -> list[dict[str, Any]]:
    names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
    return [{"epoch": i, "best": i == best, **dict(zip(names, row, strict=True))} for i, row in enumerate(rows)]


PLAN = plan_of({"layer1": 0.61, "layer2": 0.75, "layer3": 0.9})
HISTORY = history_of((None, None, 1.5, 0.5), (1.25, 0.625, 1.0, 0.75), (0.5, 0.875, 0.75, 0.8), best=2)


def parsed(picture: str) -> Xml.Element:
    """The picture, after what holds of each: it is XML, says what it shows, scales, and every number is one."""
    root = Xml.fromstring(picture.encode())
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.findtext(f"{SVG}title") != ""
    assert "width:100%" in str(root.get("style"))
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r">[^<]*<", "><", picture))
    assert "<style" not in picture  # it would hold for the whole page
    assert " id=" not in picture  # several pictures stand in one page
    return root


def cases_of(plan: dict[str, Any], ran: Ran | None = None) -> str:
    return draw_cases(network_in(plan), plan["early_cut"], plan, ran)


def texts(root: Xml.Element) -> list[str]:
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def hovers(root: Xml.Element) -> list[str]:
    return [title.text or "" for title in root.iter(f"{SVG}title")]


def test_the_quadrant_names_the_cases_and_the_data() -> None:
    known = [Reference("pets", True, 800, 0.9), Reference("x < y", False, 200, 0.1)]
    root = parsed(draw_quadrant(PLAN, known))
    assert {"your data", "training images", "similarity to the source data", "10,000", "0.4"} <= set(texts(root))
    assert {"small and similar", "small and different", "large and similar", "large and different"} <= set(texts(root))
    assert {"pets: 0.90", "x < y: 0.10", "your data: 1,438 training images, similarity 0.25"} <= set(hovers(root))


@pytest.mark.parametrize("images", [0, 1, 20_000, 50_000_000])
@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
def test_the_data_stays_inside_the_quadrant(images: int, score: float) -> None:
    similarity = PLAN["similarity"] | {"score": score, "interval": [score, score], "threshold": 0.97}
    root = parsed(draw_quadrant(PLAN | {"size": {"images": images, "threshold": 1}, "similarity": similarity}))
    width, height = (float(value) for value in root.attrib["viewBox"].split()[2:])
    (point,) = root.iter(f"{SVG}circle")
    assert 0 < float(point.attrib["cx"]) < width
    assert 0 < float(point.attrib["cy"]) < height


def test_the_profile_shows_each_cut() -> None:
    root = parsed(draw_profile(PLAN, ["layer2"]))
    assert {"layer1", "layer2", "layer3", "80%", "largest class", "cross-validated accuracy"} <= set(texts(root))
    assert "layer3: 90.0%, standard error 1.0%" in hovers(root)
    assert len([dot for dot in root.iter(f"{SVG}circle") if dot.get("fill") == "none"]) == 1  # the ring about layer2


@pytest.mark.parametrize("value", [math.nan, None, 0.3])
def test_a_profile_of_missing_or_equal_values(value: float | None) -> None:
    root = parsed(draw_profile(plan_of({"a": value, "b": 0.3, "c": value}), ["c"]))
    assert {"a", "b", "c"} <= set(texts(root))


@pytest.mark.parametrize("number", [1, 2, 12, 60])
def test_long_cut_names_are_cut_and_turned(number: int) -> None:
    plan = plan_of({f"layer{i}.{'a_long_name.' * 4}conv{i}": 0.5 for i in range(number)})
    for root in (parsed(draw_profile(plan, [])), parsed(cases_of(plan, Ran("head")))):
        names = [text for text in texts(root) if text.startswith("layer")]
        assert all("…" in name and len(name) < 40 for name in names) or number == 1
        assert any(f"layer0.{'a_long_name.' * 4}conv0" in hover for hover in hovers(root))


def test_the_curves_show_every_epoch() -> None:
    root = parsed(draw_curves(HISTORY))
    assert {"accuracy", "loss", "training (augmented)", "validation", "best epoch, kept"} <= set(texts(root))
    assert texts(root).count("epoch") == 2
    assert "epoch 2, validation: accuracy 0.8000" in hovers(root)
    assert "epoch 0, training" not in "".join(hovers(root))  # before any training


@pytest.mark.parametrize(
    "history",
    [
        HISTORY[:1],
        history_of(*[(0.5, 0.5, 0.5, 0.5)] * 5),
        history_of(*[(1e20, 0.5, 1e20, 0.5)] * 3),
        history_of(*[(None, math.nan, math.inf, None)] * 2),
        history_of(*[(1 / (i + 1), 0.5, 1e9 / (i + 1), 0.5) for i in range(300)]),
    ],
    ids=["one epoch", "all equal", "large and equal", "nothing finite", "many and large"],
)
def test_curves_of_any_numbers(history: list[dict[str, Any]]) -> None:
    parsed(draw_curves(history))


@pytest.mark.parametrize("number", [1, 3, 30, 200])
def test_a_confusion_matrix_of_any_size(number: int) -> None:
    matrix = [[2 * (row == column) + (column == 0) for column in range(number)] for row in range(number)]
    matrix[-1] = [0] * number  # a class without images
    root = parsed(draw_confusion(matrix, [f"class {i}" for i in range(number)]))
    assert {"predicted", "true class"} <= set(texts(root))
    assert texts(root).count("class 0") == (2 if number <= 60 else 0)
    if number > 1:
        assert "true: class 0\npredicted: class 0\n3 of 3 (100.0%)" in hovers(root)


def test_odd_names_are_escaped() -> None:
    matrix = [[int(row == column) for column in ODD] for row in ODD]
    root = parsed(draw_confusion(matrix, ODD))
    assert {'<b>&amp; "it\'s"</b>', "half \\udcff of a pair", "bell \\u0007", "שלום עולם", "$x_1$"} <= set(texts(root))
    assert max(map(len, texts(root))) < 40
    plan = plan_of(dict.fromkeys(ODD, 0.5))
    for picture in (
        draw_profile(plan, ODD),
        cases_of(plan, Ran("head", ODD[:2])),
        draw_quadrant(plan, [Reference(ODD[0], True, 1, 1)]),
    ):
        parsed(picture)


def test_pictures_are_the_same_each_time() -> None:
    assert cases_of(PLAN) == cases_of(PLAN)
    assert draw_confusion([[1, 2], [0, 3]], "ab") == draw_confusion([[1, 2], [0, 3]], "ab")


def test_no_drawing_library_is_imported() -> None:
    script = "import sys, regraft.runs.charts as c; sys.exit(any(n in sys.modules for n in ('matplotlib', 'torch')))"
    subprocess.run([sys.executable, "-c", script], check=True)
