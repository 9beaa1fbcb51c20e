"""The picture of the four cases, and what was run."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from test_charts import PLAN, SVG, hovers, parsed, plan_of, texts

from regraft.planning.cases import CASES
from regraft.planning.pieces import FROZEN, NEW, RANDOM, REMOVED, TRAINED, surgery
from regraft.recipe import Recipe
from regraft.runs.four_cases import draw_cases, draw_cases_narrow, network_in
from regraft.runs.network_row import COLOURS, in_order
from regraft.runs.ran import Ran
from regraft.runs.svg import INK, PAPER, picture, rectangle, themed, words

NETWORK = network_in(PLAN)
PICTURES = {"wide": draw_cases, "narrow": draw_cases_narrow}


def states(picture: str) -> Counter[str]:
    """How many blocks there are of each kind."""
    told = [says.partition(": ")[2].partition(", stride")[0] for says in hovers(parsed(picture)) if ": " in says]
    return Counter(state for state in told if state in COLOURS)


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_the_rules_four_panels_are_always_there(draw: Any) -> None:
    # three layers: kept in 1, trained in 3 and 4, random in 4, two cut off in 2; five heads and old classifiers
    rule = {FROZEN: 3 + 1, TRAINED: 3 + 3, RANDOM: 3, REMOVED: 2 + 5, NEW: 5}
    assert states(draw(NETWORK, "layer1", PLAN)) == rule
    for case in CASES:
        asked = PLAN | {"case": case.name, "strategy": "from-scratch", "cuts": []}
        assert states(draw(NETWORK, "layer1", asked)) == rule, "what was asked for changes no panel of the rule"
        titles = texts(parsed(draw(NETWORK, "layer1", asked)))
        assert [title for title in titles if title.endswith(": your data")] == [f"{case.title.capitalize()}: your data"]


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_a_fifth_panel_shows_what_was_run(draw: Any) -> None:
    rule = states(draw(NETWORK, "layer1", PLAN))
    ran = Ran("head", ("layer2", "layer3"), solver="discriminant")
    drawn = draw(NETWORK, "layer1", PLAN, ran)
    assert states(drawn) - rule == {FROZEN: 3, REMOVED: 1, NEW: 1}
    said = " ".join(texts(parsed(drawn)))
    assert "What you ran: a new head (linear discriminants) on the joined features of layer2 and layer3" in said
    assert f"{ran.in_words}." in str(parsed(drawn).get("aria-label"))
    bows = [path for path in parsed(drawn).iter(f"{SVG}path") if "C" in path.attrib["d"]]
    assert len(bows) == 1  # layer3 touches the head
    scratch = draw(NETWORK, "layer1", PLAN, Ran("from-scratch"))
    assert states(scratch) - rule == {RANDOM: 3, REMOVED: 1, NEW: 1}
    tuned = draw(NETWORK, "layer1", PLAN, Ran("fine-tune", ("layer2",), "layer1"))
    assert states(tuned) - rule == {FROZEN: 1, TRAINED: 1, REMOVED: 2, NEW: 1}


def test_what_was_run_in_words() -> None:
    one = Ran("early-layers", ("a",))
    assert one.in_words == "a new head (logistic regression) on a, all else frozen"
    assert replace(one, layers=2).in_words == "a new head of 2 layers on a, all else frozen"
    averaged = Ran("head", ("a", "b", "c"), joining="averaged")
    assert averaged.in_words == "the average of a new head each on a, b and c, all else frozen"
    tuned = Ran("fine-tune", ("a", "b"), start_kept=True)
    assert "starting from a head on a and b; that start validated best and was kept" in tuned.in_words
    assert Ran("fine-tune", (), "a").in_words.startswith("all layers behind a trained on")
    assert Ran("from-scratch").in_words == "every layer trained from random weights"
    planned = Ran.planned(PLAN, Recipe(unfreeze_from=None, solver="discriminant"))
    assert (planned.title, planned.cuts, planned.solver) == ("What the plan says", ("layer1",), "discriminant")


def test_the_new_head_sits_where_the_network_is_cut() -> None:
    order = in_order(surgery([("a", 2), ("b", 4), ("c", 8)], "early-layers", ["b"]))
    assert [piece.name for piece in order] == ["a", "b", "new head", "c", "classifier"]


@pytest.mark.parametrize("images", [0, 1, 20_000, 50_000_000])
@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("threshold", [0, 0.03, 0.97, 1])
@pytest.mark.parametrize("large_from", [1, 20_000, 10**9])
def test_the_data_lies_in_its_quadrant(images: int, score: float, threshold: float, large_from: int) -> None:
    similarity = PLAN["similarity"] | {"score": score, "interval": [score, score], "threshold": threshold}
    size, likeness = "large" if images >= large_from else "small", "similar" if score >= threshold else "different"
    plan = PLAN | {"case": f"{size}-{likeness}", "similarity": similarity}
    root = parsed(draw_cases(NETWORK, "layer1", plan | {"size": {"images": images, "threshold": large_from}}))
    (frame,) = (box for box in root.iter(f"{SVG}rect") if box.get("stroke-width") == "2.5")
    (point,) = (dot for dot in root.iter(f"{SVG}circle") if dot.get("r") == "7")
    left, top, width, height = (float(frame.attrib[name]) for name in ("x", "y", "width", "height"))
    assert left - 3 <= float(point.attrib["cx"]) <= left + width + 3
    assert top - 3 <= float(point.attrib["cy"]) <= top + height + 3


@pytest.mark.parametrize("number", [1, 2, 12, 60])
def test_any_number_of_layers(number: int) -> None:
    plan = plan_of({f"layer{i}.{'a_long_name.' * 4}conv{i}": 0.5 for i in range(number)})
    for draw in PICTURES.values():
        root = parsed(draw(network_in(plan), plan["early_cut"], plan, Ran("head")))
        width = float(root.attrib["viewBox"].split()[2])
        for box in root.iter(f"{SVG}rect"):
            assert float(box.attrib["x"]) >= 0
            assert float(box.attrib["x"]) + float(box.attrib["width"]) <= width + 0.01


def test_a_picture_without_data_has_a_ground_of_its_own() -> None:
    root = parsed(draw_cases(NETWORK, "layer1"))
    assert next(root.iter(f"{SVG}rect")).get("fill") == PAPER
    assert {"few images", "many images", "like the source data", "unlike the source data"} <= set(texts(root))
    assert not list(root.iter(f"{SVG}circle")) or "your data" not in " ".join(texts(root))


def test_a_page_gives_its_colours_but_names_stay() -> None:
    name = f'="{INK}"'
    page = themed(picture(10, 10, name, rectangle(0, 0, 1, 1, INK), words(0, 0, name)))
    assert 'fill="var(--ink)"' in page
    assert f'fill="{INK}"' not in page
    assert name in texts(parsed(page))


def test_the_cuts_of_a_head_are_pictured_where_the_network_is_known() -> None:
    network = tuple("abcdefgh")

    def on(*cuts: str) -> str:
        return Ran("head", cuts, network=network).pictured

    assert on("d") == "textures (d)"
    assert on("g", "h") == "2 layers of objects (g to h)"
    assert on("d", "e", "h") == "3 layers, textures (d) to objects (h)"
    assert on("d", "other") == "d and other"
