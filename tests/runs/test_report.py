"""The report: what comes first, the words explained, what made it, and nothing from elsewhere."""

import json
import re
import shlex
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import picture

import regraft
from regraft import Recipe
from regraft.runs.glossary import WORDS, anchor, link
from regraft.runs.report import coded
from regraft.visible import visible

Regraft = Callable[..., tuple[int, str, str]]
Make = Callable[..., Path]
SETTINGS = ("--backbone", "demonstration", "--image-size", 32, "--quiet")


class Page(HTMLParser):
    """The text of a page in order, without styles, its ids and what it points to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.hidden = "", 0
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in {"style", "script"}
        for name, value in attrs:
            self.ids += [value or ""] * (name == "id")
            self.links += [value or ""] * (name in {"href", "src"})

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in {"style", "script"}

    def handle_data(self, data: str) -> None:
        self.text += "" if self.hidden else data


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a run that was called from Python."""
    root = tmp_path_factory.mktemp("report") / "my photos"
    for kind in range(2):
        folder = root / f"class{kind}"
        folder.mkdir(parents=True)
        for i in range(12):
            picture(kind, i).save(folder / f"{i}.png")
    recipe = Recipe(backbone="demonstration", image_size=32, strategy="head", seed=3)
    return regraft.train(root, recipe, out=root.parent / "a run").report.read_text()


def test_the_figure_and_the_verdict_come_first(page: str) -> None:
    text = " ".join(Page(page[page.index("<body>") :]).text.split())
    figure = text.index("Accuracy on ")
    assert re.match(
        r"Accuracy on \d+ test images \d+\.\d% 95% interval [\d.]+% to [\d.]+% Few images, [a-z' ]+: a new head",
        text[figure:],
    )
    assert figure < 400  # behind the title and what must be said before it
    assert text.index("The settings ask to") < text.index("Which case this is")


def test_the_four_cases_are_there_for_wide_and_for_narrow_pages(page: str) -> None:
    assert page.count("<title>small and similar: new head, the rest frozen</title>") == 4  # two maps, two panels
    assert len(re.findall(">What you ran: a new head", page)) == 2  # the panels


def test_every_word_that_is_linked_is_explained(page: str) -> None:
    read = Page(page)
    targets = [target[1:] for target in read.links if target.startswith("#")]
    assert len(set(targets)) > 8
    assert set(targets) <= set(read.ids)
    assert len(read.ids) == len(set(read.ids)) == len(WORDS)
    assert all(len(sentence.split()) < 20 for meaning in WORDS.values() for sentence in meaning.split(". "))


def test_code_in_a_sentence_is_code_and_nothing_else_is() -> None:
    def plain(text: str) -> str:
        return str(coded(text)).replace('<code class="inline">', "<code>")

    assert plain("a; `predict` says <b> & `x<y`") == "a; <code>predict</code> says &lt;b&gt; &amp; <code>x&lt;y</code>"
    assert plain("one ` alone") == "one ` alone"
    assert plain("`a` and ` alone") == "<code>a</code> and ` alone"
    assert plain("") == ""
    assert plain("`predict` computes\x1b[2J") == "<code>predict</code> computes" + visible("\x1b[2J")


def test_a_note_has_no_backticks(page: str) -> None:
    assert "`" not in Page(page[page.index("<body>") :]).text


def test_few_images_judge_no_calibration(page: str) -> None:
    text = " ".join(Page(page[page.index("What the probabilities are worth") :]).text.split())
    assert "These are too few images to judge the calibration: on 4 images even a perfectly calibrated" in text


def test_recall_has_its_interval(page: str) -> None:
    text = " ".join(Page(page[page.index("Class by class") :]).text.split())
    share = r"\d+\.\d%"
    assert re.search(rf"precisionrecall95% intervalF1 class0\d+ {share}{share} {share} to {share}{share}", text), text


def test_a_link_shows_what_it_means() -> None:
    assert link("cut", "<cuts>") == (f'<a class="word" href="#{anchor("cut")}" title="{WORDS["cut"]}">&lt;cuts&gt;</a>')


def test_nothing_comes_from_elsewhere(page: str) -> None:
    assert all(target.startswith(("#", "data:")) for target in Page(page).links)
    assert not re.search(r"@import|url\(|<link|<script [^>]*src", page)


def test_the_footer_says_what_made_it(page: str) -> None:
    footer = " ".join(Page(page[page.index("<footer>") :]).text.split())
    assert re.search(r"Made on 20\d\d-\d\d-\d\d \d\d:\d\d \S+ by regraft ", footer)
    assert f"by regraft {regraft.__version__}, seed 3: regraft.train('" in footer
    assert "regraft.Recipe(backbone='demonstration', image_size=32, strategy='head', seed=3), out='" in footer


def test_both_themes_and_print_are_cared_for(page: str) -> None:
    style = page[page.index("<style>") : page.index("</style>")]
    assert "@media screen and (prefers-color-scheme: dark)" in style  # paper stays white
    assert "@media print" in style
    used = set(re.findall(r"var\((--[a-z]+)\)", page))
    assert used <= set(re.findall(r"(--[a-z]+):", style))
    assert not re.search(r'(fill|stroke)="#1d2733"', page), "ink that is dark on a dark page"


def test_the_commands_can_be_pasted(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    run = tmp_path / "it's a run"
    typed = ("train", make_folder("a b"), "--out", run, *SETTINGS, "--strategy", "head")
    code, _, err = regraft(*typed)
    assert code == 0, err
    codes = [
        shlex.split(unescape(found))
        for found in re.findall("<code>(regraft .*?)</code>", (run / "report.html").read_text())
    ]
    assert codes == [
        ["regraft", "predict", str(run), "NEW-IMAGES"],
        ["regraft", "evaluate", str(run), "LABELLED-IMAGES"],
        ["regraft", "card", str(run)],
        ["regraft", "evaluate", str(run), "LABELLED-IMAGES"],  # what would help: nothing was wrong
        ["regraft", *map(str, typed)],
    ]  # fmt: skip


def test_next_steps_have_their_place(page: str) -> None:
    text = Page(page).text
    assert (
        text.index("What to do with it now") < text.index("What would probably help") < text.index("What each strategy")
    )
    assert "whether the figure holds elsewhere" in text


def test_what_was_kept_instead_of_the_rule_is_said(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    run = tmp_path / "run"
    code, out, err = regraft("train", make_folder(each=30), "--out", run, *SETTINGS, "--fast", "--json")
    assert code == 0, err
    instead = "Held-out images chose this instead." in (run / "report.html").read_text()
    assert instead == (not json.loads(out)["rule"]["kept"])
