"""Data that the tests make, and a cache of their own."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if "PYTEST_XDIST_WORKER" in os.environ:  # of two on two processors each has one; read when the libraries are loaded
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from clocks import Clock
    from starlette.testclient import TestClient
    from stored import Store

    from regraft.evaluation.tuning.result import Tuned


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: those that the workers are at in the end, one after another, are short."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGRAFT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


def picture(kind: int, seed: int, size: int = 40) -> Image.Image:
    """A noisy picture whose class can be seen: stripes of one direction and colour."""
    draw = np.random.default_rng(1000 * kind + seed)
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    wave = np.sin((x if kind % 2 else y) * (0.4 + 0.3 * (kind // 2)) + draw.uniform(0, 6))
    pixels = 128 + 60 * wave[..., None] * np.eye(3)[kind % 3] + draw.normal(0, 12, (size, size, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write class folders of small pictures and return their root."""

    def make(name: str = "data", classes: int = 2, each: int = 12, parts: tuple[str, ...] = ("",)) -> Path:
        root = tmp_path / name
        for p, part in enumerate(parts):
            for kind in range(classes):
                folder = root / part / f"class{kind}"
                folder.mkdir(parents=True)
                for i in range(each):
                    picture(kind, 100 * p + i).save(folder / f"{i:03d}.png")
        return root

    return make


@pytest.fixture
def regraft(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: (exit code, stdout, stderr)."""
    from regraft.cli.main import main

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["regraft", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scikit-learn's digits, 30 of each, as class folders of PNGs."""
    from regraft.data.digits import write_digits

    folder = tmp_path_factory.mktemp("digits") / "digits"
    write_digits(folder)
    for digit in folder.iterdir():
        for path in sorted(digit.iterdir())[30:]:
            path.unlink()
    return folder


@pytest.fixture(scope="session")
def served_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head on the embedded network, which tells stripes apart; the images lie beside it in ``data``."""
    from regraft import Recipe, train

    root = tmp_path_factory.mktemp("served")
    for kind in range(2):
        (root / "data" / f"class{kind}").mkdir(parents=True)
        for i in range(40):
            picture(kind, i).save(root / "data" / f"class{kind}" / f"{i:03d}.png")
    return train(root / "data", Recipe(image_size=64, fast=True), root / "stripes", progress=False).folder


@pytest.fixture(scope="session")
def striped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the page: images in ``root/stripes``, and a head trained on them in ``runs/stripes-1``."""
    from pages import stripes

    from regraft import Recipe, train

    folder = tmp_path_factory.mktemp("page")
    for kind in range(2):
        (folder / "root" / "stripes" / f"class{kind}").mkdir(parents=True)
        for i in range(40):
            stripes(kind, i).save(folder / "root" / "stripes" / f"class{kind}" / f"{i:03d}.png")
    (folder / "runs").mkdir()
    train(folder / "root" / "stripes", Recipe(image_size=64, fast=True), folder / "runs" / "stripes-1", progress=False)
    return folder


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    """In place of time.monotonic."""
    from clocks import Clock

    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    return made


@pytest.fixture
def client(striped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[TestClient]":
    """What answers for the page of ``striped``."""
    from pages import BASE
    from starlette.testclient import TestClient

    from regraft.server.app import create_app
    from regraft.server.settings import Settings

    monkeypatch.chdir(tmp_path)
    run, root = striped / "runs" / "stripes-1", striped / "root"
    settings = Settings(runs=(run,), data_root=root, store=tmp_path / "store", device="cpu")
    with TestClient(create_app(settings), base_url=BASE) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Store"]:
    """An empty store at memory:// that notes what is read of it."""
    from stored import emptied

    with emptied(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def quick(tmp_path: Path, make_folder: Callable[..., Path]) -> Callable[..., "Tuned"]:
    """A search over settings on a small set: a few heads, and networks of one or two epochs."""
    import regraft

    root = make_folder(each=15)

    def run(name: str = "tuned", **more: Any) -> "Tuned":
        usual = {"space": {"learning_rate": [1e-4, 1e-3], "epochs": [1, 2]}, "sampler": "grid", "progress": False}
        settings = {"backbone": "demonstration", "image_size": 32} | usual | more
        if not settings["backbone"]:
            del settings["backbone"]
        return regraft.tune(root, out=tmp_path / name, **settings)

    return run


@pytest.fixture(scope="session")
def imagenet_weights() -> Iterator[Path]:
    """The real weights that REGRAFT_TEST_WEIGHTS names."""
    named = os.environ.get("REGRAFT_TEST_WEIGHTS")
    if not named:
        pytest.skip("REGRAFT_TEST_WEIGHTS names no weights file")
    yield Path(named)
