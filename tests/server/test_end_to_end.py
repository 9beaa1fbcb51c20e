"""The page as a person uses it, in Chromium: from a zip to an answer. Skipped with a word where there is no browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import ARGUMENTS, BROWSER, CONTROLS, FOCUSED, Watched, drop, paste
from pages import stripes
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow
LONG = 180_000  # milliseconds that a training may take on a busy machine
WRONG = (3, 4)  # images across that are labelled down
NARROW, WIDE = {"width": 360, "height": 740}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zip")
    with zipfile.ZipFile(folder / "stripes.zip", "w") as made:
        for kind, name in enumerate(("across", "down")):
            for seed in range(30):
                path = folder / f"{name}-{seed}.png"
                stripes(kind, seed).save(path)
                wrong = kind == 0 and seed in WRONG
                made.write(path, f"down/wrong-{seed}.png" if wrong else f"{name}/{seed:03d}.png")
    return folder / "stripes.zip"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own, in a folder of its own."""
    if BROWSER is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    pytest.importorskip("playwright.sync_api", reason="there is no Playwright: pip install playwright")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "regraft", "serve", "--port", str(port), "--device", "cpu"],
        cwd=folder, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    there = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{there}/v2/health/ready", server)
        yield there
        server.terminate()
        assert server.wait(60) == 0, (folder / "log").read_text()
    finally:
        server.kill()
        server.wait()
        log.close()


def wait_for(place: str, server: "subprocess.Popen[bytes]", seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(place, timeout=5):
                return
        except OSError:
            assert server.poll() is None, "the server has ended"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.2)


@pytest.fixture
def page(address: str) -> Iterator["Page"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        made = browser.new_page(base_url=address, viewport=WIDE)  # type: ignore[arg-type]
        made.set_default_timeout(30_000)
        watched = Watched(made, address)
        yield made
        browser.close()
    assert not watched.faults


def test_from_a_zip_to_an_answer(page: "Page", archive: Path, tmp_path: Path) -> None:
    """Upload, plan, train, hand over images, read answers, choose a threshold, read the report, correct labels."""
    plan_and_train(page, archive)
    stripes(1, 99).save(tmp_path / "new.png")
    read_an_answer(page, tmp_path / "new.png")
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    drop(page, tmp_path / "noise.png")
    page.locator(".card").nth(1).wait_for()
    page.get_by_text("This is not like anything that the run was trained on.").first.wait_for()
    use_the_camera(page)
    page.get_by_role("button", name="Clear the answers").click()
    paste(page, tmp_path / "new.png")
    page.locator(".answer:visible").wait_for()
    assert page.locator(".answer").inner_text().startswith("down, ")
    choose_a_threshold(page)
    read_the_report(page)
    correct_and_retrain(page)


def plan_and_train(page: "Page", archive: Path) -> None:
    page.goto("/")
    page.get_by_text("No run is served yet").wait_for()
    page.get_by_role("link", name="Train one here").click()
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text("Choose a folder or a zip first.").wait_for()
    page.set_input_files("#zip", archive)
    page.get_by_text("stripes.zip is here, with 60 files.").wait_for()
    page.get_by_label("Image size").fill("64")
    page.get_by_label("Fast").check()
    page.get_by_role("button", name="Plan first").click()
    page.locator("#plan svg").first.wait_for(timeout=LONG)
    assert "Plan of stripes.zip" in page.title()
    assert page.get_by_label("Image size").input_value() == "64"  # as it was planned
    page.get_by_role("button", name="Start the training").click()
    page.get_by_role("heading", name="Training on stripes.zip").wait_for()
    page.reload()  # a training goes on without its page
    page.get_by_role("link", name="Predict with it").wait_for(timeout=LONG)
    assert page.locator("#figure").inner_text().startswith("Accuracy ")
    page.get_by_role("link", name="Predict with it").click()


def read_an_answer(page: "Page", path: Path) -> None:
    page.set_input_files("#files", path)
    page.locator(".answer:visible").wait_for()
    assert page.locator(".answer").inner_text().startswith("down, ")
    assert page.locator(".bars li").count() == 2
    assert "new.png: down" in page.locator("#said").inner_text()
    assert page.locator(".unlike").is_hidden()
    thumbnail = page.locator(".thumbs img").first
    thumbnail.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    assert thumbnail.evaluate("image => image.naturalWidth") == 40
    page.get_by_role("button", name="Show where it looked").click()
    page.locator(".map:visible").wait_for(timeout=LONG)
    assert "controls" in page.locator(".map figcaption").inner_text()


def use_the_camera(page: "Page") -> None:
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Take a picture").click()
    page.locator(".file", has_text="camera").wait_for()
    page.get_by_role("button", name="Camera off").click()
    page.locator(".answer:visible").nth(2).wait_for()


def choose_a_threshold(page: "Page") -> None:
    page.get_by_role("link", name="Thresholds").click()
    slider = page.get_by_role("slider", name="Threshold for down")
    slider.wait_for()
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.locator("#command:visible").wait_for()
    assert "--at-recall down=" in page.locator("#command").inner_text()


def read_the_report(page: "Page") -> None:
    page.get_by_role("link", name="Runs").click()
    page.get_by_role("button", name="Show here").click()
    report = page.frame_locator("#report-frame")
    report.get_by_text("Which case this is, and why").wait_for()


def correct_and_retrain(page: "Page") -> None:
    """The wrong labels come first; keys correct them, a reload loses nothing, and a training uses them."""
    page.get_by_role("link", name="Labels").click()
    page.get_by_role("heading", name="Labelled 'down'. Is it 'across'?").wait_for(timeout=LONG)
    assert page.locator("#path").inner_text().startswith("down/wrong-")
    page.keyboard.press("k")
    page.get_by_text("; 1 decided.").wait_for()
    page.keyboard.press("u")
    page.get_by_text("; 0 decided.").wait_for()
    page.keyboard.press("s")
    page.get_by_text("; 1 decided.").wait_for()
    page.reload()
    page.get_by_text("2 of", exact=False).first.wait_for()
    assert page.locator("#path").inner_text().startswith("down/wrong-")
    page.keyboard.press("/")
    page.keyboard.type("acr")
    page.keyboard.press("Enter")
    page.get_by_text("; 2 decided.").wait_for()
    if page.locator("#end").is_hidden():  # after the last image it is open
        page.locator("#retrain summary").click()
    page.get_by_role("button", name="Retrain now").click()
    page.locator("#state", has_text="Done").wait_for(timeout=LONG)
    page.get_by_text("labelled as they are now, accuracy went from").wait_for()


def test_stopping_and_going_on(page: "Page", archive: Path) -> None:
    """A training of the whole network is stopped, its curve stays, and it goes on from there."""
    page.goto("/train")
    page.set_input_files("#zip", archive)
    page.get_by_text("is here, with").wait_for()
    page.get_by_label("Strategy").select_option("fine-tune")
    page.get_by_label("Image size").fill("32")
    page.get_by_label("Time limit").fill("60s")
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator("#curves svg").first.wait_for(timeout=LONG)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Go on").wait_for(timeout=LONG)
    page.locator("#curves svg").first.wait_for()
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Stop", exact=True).wait_for()
    page.locator("#state", has_text="Done").wait_for(timeout=LONG)


def test_the_keyboard_alone_and_narrow_pages(page: "Page", archive: Path) -> None:
    """Every control of every view is reached by Tab, is seen to be, and has a name; nothing is wider than a phone."""
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.goto("/train")
    jobs = [link.get_attribute("href") or "" for link in page.locator(".jobs a").all()]
    for place in ("/", "/thresholds", "/runs", "/train", *jobs):
        page.goto(place)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], place
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            focused = page.evaluate(FOCUSED)
            if focused is None:
                break
            assert focused["name"], (place, focused)
            assert focused["seen"], (place, focused)
            reached.add(focused["place"])
        controls = page.evaluate(
            f"document.querySelectorAll('{CONTROLS}').values().filter(one => one.checkVisibility()).toArray().length"
        )
        assert len(reached) >= min(controls, 40), (place, reached)
