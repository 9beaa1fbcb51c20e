"""The one face: what is looked at, with which images, what is written, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from markupsafe import escape
from PIL import Image

import regraft
from regraft.data.find import find_images
from regraft.errors import DataError, RecipeError, RunError
from regraft.inspection.images import images_for, sampled, unseen_of
from regraft.inspection.kept_pixels import KeptPixels
from regraft.inspection.report_chapter import PLACE, add_to_report
from regraft.inspection.subject import subject_of

Regraft = Callable[..., tuple[int, str, str]]
CHEAP = "fields,maps,filters"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run with its images beside it."""
    from conftest import picture

    folder = tmp_path_factory.mktemp("look")
    for kind in range(2):
        (folder / "data" / f"class{kind}").mkdir(parents=True)
        for number in range(12):
            picture(kind, number).save(folder / "data" / f"class{kind}" / f"{number:02}.png")
    recipe = regraft.Recipe(strategy="head", backbone="demonstration")
    return regraft.train(folder / "data", recipe, out=folder / "run").folder


def test_pictures_and_a_page_that_has_them_all(run: Path, regraft: Regraft, tmp_path: Path) -> None:
    code, out, err = regraft("look", run, "--only", CHEAP, "--out", tmp_path / "seen", "--quiet", "--json")
    assert code == 0, err
    told = json.loads(out)
    page = (tmp_path / "seen" / "index.html").read_text()
    assert [chapter["key"] for chapter in told["chapters"]] == ["fields", "maps", "filters"]
    for chapter in told["chapters"]:
        assert chapter["figures"]
        for figure in chapter["figures"]:
            with Image.open(tmp_path / "seen" / figure["file"]) as picture:
                assert picture.width > 50
            assert str(escape(figure["caption"])) in page
    for cut in ("conv1", "conv2", "conv3", "fc1", "fc2"):
        assert f"<code>{cut}</code>" in page
    for foreign in ("http://", "https://", 'src="/', "<link"):
        assert foreign not in page.replace("http://www.w3.org/", "")
    code, _, err = regraft("look", run, "--only", "fields", "--out", tmp_path / "seen", "--quiet")
    assert (code, "exists already" in err) == (2, True)
    assert regraft("look", run, "--only", "fields", "--out", tmp_path / "seen", "--quiet", "--overwrite")[0] == 0
    assert not (tmp_path / "seen" / "maps").exists()


def test_one_layer_and_one_channel(run: Path) -> None:
    seen = regraft.look(run, only=["patches"], cut="conv2", channel=3)
    (chapter,) = seen.chapters
    assert {figure.cut for figure in chapter.figures} == {"conv2"}
    assert all("channel 3" in figure.caption for figure in chapter.figures) or "never fire" in str(chapter.notes)


def test_a_backbone_without_images_says_what_it_lacks(tmp_path: Path, regraft: Regraft) -> None:
    code, _, err = regraft("look", "demonstration", "--only", "filters", "--out", tmp_path / "a", "--quiet")
    assert code == 0, err
    code, _, err = regraft("look", "demonstration", "--only", "patches", "--out", tmp_path / "b", "--quiet")
    assert (code, "--data" in err) == (2, True)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--only", "patchs"), "did you mean patches?"),
        (("--cut", "conv9"), "its cuts are conv1"),
        (("--channel", 2), "name that with --cut"),
        (("--cut", "conv1", "--channel", 16), "it has 0 to 15"),
        (("--only", "own-filter"), "--kernel"),
        (("--only", "maps", "--image", "nowhere.png"), "cannot be looked at"),
        (("--data", "nowhere"), "nowhere"),
        (("--class", "class7"), "class7"),
        (("--range", "0,255"), "name them with --data"),
        (("--image-size", 64), "is a run, which has its own weights and image size"),
        (("--weights-key", "ema"), "is a run, which has its own weights and image size"),
        (("--only", "own-filter", "--kernel", "blur", "--stride", 0), "stride"),
        (("--only", "own-filter", "--kernel", "1,2;3"), "row"),
    ],
)
def test_what_cannot_be_looked_at(options: tuple[object, ...], words: str, run: Path, regraft: Regraft) -> None:
    code, out, err = regraft("look", run, "--quiet", "--out", run.parent / "never", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1
    assert not (run.parent / "never").exists()


def test_images_that_have_moved_are_named(run: Path) -> None:
    data = run.parent / "data"
    data.rename(run.parent / "elsewhere")
    try:
        with pytest.raises(DataError, match=r"are not in .*data any more; name their place: --data"):
            regraft.look(run, only=["maps"])
        assert regraft.look(run, run.parent / "elsewhere", only=["maps"]).chapters[0].figures
    finally:
        (run.parent / "elsewhere").rename(data)


def test_explanations_are_of_images_that_trained_nothing(run: Path) -> None:
    subject = subject_of(run)
    shown = images_for(subject, None)
    assert shown is not None
    split = {file["path"]: file["split"] for file in json.loads((run / "data.json").read_text())["files"]}
    assert {split[shown.images.files[row].name] for row in shown.unseen} == {"test"}
    files = find_images(run.parent / "data")
    names = [file.name for file in files.files]
    assert len(unseen_of(files, dict.fromkeys(names, "train"))) == len(names)
    with_val = {name: "val" if place % 2 else "train" for place, name in enumerate(names)}
    assert unseen_of(files, with_val).tolist() == list(range(1, len(names), 2))


def test_a_sample_has_every_class_its_share() -> None:
    labels = np.repeat([0, 1, 2], [900, 90, 10])
    rows = sampled(labels, 100, seed=0)
    assert np.bincount(labels[rows]).tolist() == [90, 9, 1]
    assert np.array_equal(rows, sampled(labels, 100, seed=0))
    assert np.array_equal(sampled(labels, 1000, seed=0), np.arange(1000))


@pytest.mark.slow
def test_the_report_gets_a_chapter(run: Path) -> None:
    before = (run / "report.html").read_text()
    assert before.count(PLACE) == 1
    add_to_report(run)
    page = (run / "report.html").read_text()
    assert "What the layers see" in page
    assert PLACE not in page
    assert page.count("data:image/webp") > 4
    with pytest.raises(RunError, match="has no place for what the layers see"):
        add_to_report(run)
    (run / "report.html").write_text(before)


def test_other_things_are_not_replaced(run: Path, tmp_path: Path) -> None:
    seen = regraft.look(run, only=["filters"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(RunError, match="holds something else"):
        seen.write(tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "letter.txt").exists()
    assert seen.write(tmp_path / "new").name == "index.html"
    with pytest.raises(RecipeError, match="there are patches, fields"):
        regraft.look(run, only=["everything"])


def test_a_filter_of_ones_own(run: Path) -> None:
    seen = regraft.look(run, only=["own-filter"], kernel="sobel-x", stride=2, padding=0, pooling=1)
    (chapter,) = seen.chapters
    assert any("(40 + 2 x 0 - 3) / 2 + 1" in note for note in chapter.notes), chapter.notes


def test_patches_ranked_by_a_class(run: Path) -> None:
    (chapter,) = regraft.look(run, only=["patches"], label="class1", cut="conv3").chapters
    assert "ranked by relevance to class1" in chapter.lead
    assert all("Relevance" in figure.caption for figure in chapter.figures)


def test_the_rooms_face_is_whole() -> None:
    import regraft.inspection

    for name in regraft.inspection.__all__:
        assert callable(getattr(regraft.inspection, name)), name


def test_how_images_are_read_is_heeded(run: Path, regraft: Regraft, tmp_path: Path) -> None:
    data = ("--data", run.parent / "data", "--only", "maps", "--quiet", "--json")
    code, out, err = regraft("look", run, *data, "--out", tmp_path / "a", "--max-pixels", 100)
    assert (code, out, "can be decoded" in err) == (2, "", True)
    code, _, err = regraft("look", "demonstration", *data, "--out", tmp_path / "b", "--weights-key", "ema")
    assert (code, "--weights-key" in err) == (2, True)


@pytest.mark.slow
def test_an_image_is_decoded_once_for_all_methods(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from regraft.inspection import pictures

    decoded, whole = [], pictures.decode_for
    monkeypatch.setattr(pictures, "decode_for", lambda data, *rest: decoded.append(data) or whole(data, *rest))
    regraft.look(run, only=["patches", "fields", "maps", "attributions"])
    assert len(decoded) == len(set(decoded)) == 24


def test_what_does_not_fit_is_made_again() -> None:
    kept, made = KeptPixels(10), []

    def make() -> np.ndarray:
        made.append(1)
        return np.zeros(8, np.uint8)

    for key in ("a", "a", "b", "b"):
        kept.get(key, make)
    assert len(made) == 3
