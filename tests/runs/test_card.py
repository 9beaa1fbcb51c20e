"""The model card: true to the run's files, whoever named the classes, and for runs of before."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import picture
from huggingface_hub import ModelCard
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import regraft
from regraft.errors import RunError
from regraft.network.origin import Origin
from regraft.runs.front_matter import licence_lines, number
from regraft.runs.further_figures import further_figures
from regraft.visible import visible

Regraft = Callable[..., tuple[int, str, str]]
FORMER = Path(__file__).parent.parent / "former" / "run-format-1"
ODD = [
    "<script>alert(1)</script>", "a|b", "[x](https://example.org)", "- 1. *b* _c_ `d`", "1. ![i](j) &lt; $x$",
    "--- # \x1b[31m\u202e\u2028", 'q"\\: {a: [b]}', "www.example.org",
]  # fmt: skip


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on classes with hostile names."""
    pixels = [picture(kind, number, 32) for kind in range(len(ODD)) for number in range(6)]
    images = regraft.from_arrays(pixels, [name for name in ODD for _ in range(6)])
    recipe = regraft.Recipe(backbone="demonstration", strategy="head", image_size=32)
    return regraft.train(images, recipe, tmp_path_factory.mktemp("odd") / "run").folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the embedded network."""
    root = tmp_path_factory.mktemp("plain")
    for kind in range(2):
        (root / "data" / f"class{kind}").mkdir(parents=True)
        for i in range(12):
            picture(kind, i).save(root / "data" / f"class{kind}" / f"{i}.png")
    (root / "data" / "class0" / "broken.png").write_bytes(b"broken")
    return regraft.train(root / "data", regraft.Recipe(strategy="head"), root / "run").folder


def metadata(text: str) -> dict[str, Any]:
    """The block on top, as YAML."""
    return dict(yaml.safe_load(text.split("---\n")[1]))


def page(text: str) -> str:
    """The rest as HTML."""
    return MarkdownIt("commonmark").enable("table").render(text.split("---\n", 2)[2])


def cells(html: str) -> set[str]:
    """What a reader sees in the tables' cells."""
    found = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", html)
    marks = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&"}
    return {re.sub("|".join(marks), lambda mark: marks[mark[0]], cell) for cell in found}


@pytest.mark.parametrize("which", ["odd", "plain"])
def test_the_metadata_is_what_hugging_face_reads(which: str, request: pytest.FixtureRequest) -> None:
    run = request.getfixturevalue(which)
    text, metrics = regraft.card(run), json.loads((run / "metrics.json").read_text())
    data = ModelCard(text).data
    assert data.pipeline_tag == "image-classification"
    assert data.library_name == {"odd": "regraft", "plain": "timm"}[which]
    assert data.license == {"odd": "unknown", "plain": "apache-2.0"}[which]
    assert data.base_model is None
    assert data.eval_results
    values = {result.metric_name: result.metric_value for result in data.eval_results}
    names = {"Accuracy": "accuracy", "Balanced accuracy": "balanced_accuracy", "Macro F1": "macro_f1"}
    assert values == {name: metrics[own] for name, own in names.items()}
    assert {result.dataset_split for result in data.eval_results} == {"test"}
    assert {result.task_type for result in data.eval_results} == {"image-classification"}


def test_every_figure_is_that_of_the_run(plain: Path) -> None:
    text, metrics = regraft.card(plain), json.loads((plain / "metrics.json").read_text())
    environment, data = (json.loads((plain / name).read_text()) for name in ("environment.json", "data.json"))
    shown = cells(page(text))
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        low, high = metrics["intervals"][name]
        assert {f"{metrics[name]:.1%}", f"{low:.1%} to {high:.1%}"} <= shown, name
    assert {f"{value:.1%}" for value in metrics["baselines"].values()} <= shown
    for row in metrics["per_class"]:
        line = f"| {row['class']} | {row['images']} | {row['precision']:.1%} | {row['recall']:.1%} | {row['f1']:.1%} |"
        assert line in text
    trained, frozen = environment["parameters"]["trained"], environment["parameters"]["frozen"]
    assert f"{trained:,} parameters were trained, {frozen:,} stayed as they were" in text
    assert "24 images were read from data" in text
    test = sum(file["split"] == "test" for file in data["files"])
    assert f"| all | {24 - test} | {test} |" in text
    assert "Files left out: 1." in text
    assert re.search(r"^- [\w ]+: 1 \(left out\)$", text, re.MULTILINE)
    assert f"**Accuracy {metrics['accuracy']:.1%}** on {test} test images" in text
    assert str(plain.parent) not in text
    assert not re.search(r"\d+\.\d+ s\b", text)


def test_a_run_has_its_card_and_the_command_prints_it(plain: Path, tmp_path: Path, regraft: Regraft) -> None:
    import regraft as package

    text = (plain / "README.md").read_text()
    assert text == package.card(plain) == package.card(str(plain))
    moved = shutil.copytree(plain, tmp_path / "elsewhere")
    assert regraft("card", moved)[:2] == (0, text)
    out = tmp_path / "card.md"
    assert regraft("card", plain, "--out", out)[:2] == (0, "")
    assert out.read_text() == text
    code, _, err = regraft("card", plain, "--out", out)
    assert (code, "--overwrite" in err) == (2, True)
    out.write_text("old")
    assert regraft("card", plain, "--out", out, "--overwrite")[0] == 0
    assert out.read_text() == text
    code, _, err = regraft("card", plain, "--out", tmp_path / "nowhere" / "card.md")
    assert (code, "name another --out" in err) == (2, True)


def test_names_are_shown_and_do_nothing(odd: Path) -> None:
    text = regraft.card(odd)
    html = page(text)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e\u2066-\u2069]", text)
    assert not re.search(r"<(script|a|img|em|h4)\b", html.replace("<em>", "<i>"))
    assert {visible(name) for name in ODD} <= cells(html)
    assert html.count("<table>") == len(re.findall(r"^\|(?: -+:? \|)+$", text, re.MULTILINE)) > 3
    assert html.count("<hr") == 0


def test_random_weights_have_no_owner(odd: Path) -> None:
    text = regraft.card(odd)
    assert "started from random weights" in text
    assert "**unknown**" in text


def test_a_run_of_before_has_a_card_without_what_it_does_not_know() -> None:
    text, metrics = regraft.card(FORMER), json.loads((FORMER / "metrics.json").read_text())
    data = ModelCard(text).data
    assert data.eval_results
    assert data.eval_results[0].metric_value == metrics["accuracy"]
    assert data.license == "unknown"
    assert "does not say where the weights" in text
    assert "No copies of images that trained or chose were found" in text
    for left_out in ("parameters were trained", "Made with", "What else was tried", "Notes of the run", "None", "###"):
        assert left_out not in text, left_out


@pytest.mark.parametrize("missing", ["plan.json", "recipe.json", "environment.json", "data.json", "history.csv"])
def test_what_is_missing_is_left_out(missing: str, plain: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(plain, tmp_path / "run"))
    (run / missing).unlink()
    text = regraft.card(run)
    assert ModelCard(text).data.eval_results
    assert "None" not in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metrics.json", "[]"),
        ("metrics.json", '{"per_class": [1]}'),
        ("metrics.json", "{"),
        ("data.json", '{"files": 1}'),
        ("data.json", "[]"),
        ("plan.json", '{"case": 3, "strategy": "head", "reasons": []}'),
        ("environment.json", "[]"),
        ("environment.json", '{"versions": {}, "machine": {}, "parameters": [], "origin": {"licence": 3}}'),
        ("recipe.json", "{]"),
        ("tried.json", '[{"name": 1}]'),
        ("history.csv", "epoch\nmany\n"),
        ("model/config.json", "{}"),
    ],
)
def test_what_is_damaged_is_refused(name: str, text: str, plain: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(plain, tmp_path / "run"))
    (run / name).write_text(text)
    with pytest.raises(RunError, match="damaged"):
        regraft.card(run)


def test_no_run_has_no_card(tmp_path: Path, plain: Path) -> None:
    with pytest.raises(RunError, match="there is no run folder"):
        regraft.card(tmp_path / "nothing")
    with pytest.raises(RunError, match="holds no finished run"):
        regraft.card(tmp_path)
    with pytest.raises(RunError, match="holds no finished run"):
        regraft.card(plain / "model")


@pytest.mark.slow
def test_the_licence_of_a_run_is_followed_to_its_first_backbone(plain: Path, tmp_path: Path) -> None:
    recipe = regraft.Recipe(backbone=str(plain), strategy="head", image_size=64)
    second = regraft.train(plain.parent / "data", recipe, tmp_path / "second")
    text = regraft.card(second)
    assert metadata(text)["license"] == "apache-2.0"
    assert "an earlier run, which started from regraft's embedded network" in text
    assert str(plain.parent) not in text
    moved = Path(shutil.copytree(plain, tmp_path / "moved"))
    (moved / "environment.json").unlink()
    third = regraft.train(plain.parent / "data", recipe.but(backbone=str(moved)), tmp_path / "third")
    text = regraft.card(third)
    assert metadata(text)["license"] == "unknown"
    assert "**unknown**. Find out" in text


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        (None, {"license": "unknown"}),
        ("MIT", {"license": "mit"}),
        ("cc-by-nc-4.0", {"license": "cc-by-nc-4.0"}),
        ("seer-license", {"license": "other", "license_name": "seer-license"}),
        ('An "odd"\n: one', {"license": "other", "license_name": "an-odd-one"}),
        (
            "https://example.org/LICENSE",
            {"license": "other", "license_name": "as-linked", "license_link": "https://example.org/LICENSE"},
        ),
    ],
)
def test_licences_as_the_hub_takes_them(licence: str | None, expected: dict[str, str]) -> None:
    assert yaml.safe_load("\n".join(licence_lines(Origin("somebody's", licence)))) == expected


@pytest.mark.parametrize("value", [1e-05, 1e-10, 0.0, 1.0, 0.1, 2 / 3, 1.5e-7, 12345678.9])
def test_numbers_are_read_as_they_were(value: float) -> None:
    assert yaml.safe_load(number(value)) == value


def test_figures_that_are_not_known_here_are_shown_all_the_same(plain: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(plain, tmp_path / "run"))
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["probabilities"] = {
        "brier": 0.12345, "negative_log_likelihood": 0.5, "temperature": {"value": 1.25, "interval": [1.0, 1.5]},
        "intervals": {"brier": [0.1, 0.2]}, "parts": [{"low": 0.0, "images": 1234, "right": None}] * 30,
    }  # fmt: skip
    metrics["slices"] = [
        {
            "by": "folder",
            "name": "<b>|",
            "images": 7,
            "accuracy": 0.75,
            "interval": [0.5, 0.875],
            "intervals": {"f1": [0, 1]},
        }
    ]
    metrics["one_figure"] = 7
    (run / "metrics.json").write_text(json.dumps(metrics))
    text = regraft.card(run)
    assert "| brier | 0.1235 | 0.1 to 0.2 |" in text
    assert "| negative log likelihood | 0.5 |  |" in text
    assert "| temperature | 1.25 | 1 to 1.5 |" in text
    assert "### Probabilities: parts" in text
    assert "10 more are in `metrics.json`" in text
    assert "| 0 | 1,234 | - |" in text
    assert "| folder | \\<b\\>\\| | 7 | 0.75 | 0.5 to 0.875 | 0 to 1 |" in text
    assert "| one figure | 7 |" in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(figures=st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_figures_of_any_shape_make_tables(figures: dict[str, Any]) -> None:
    for one in further_figures(figures):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in one.table.split("\n")}
        assert len(widths) == 1
